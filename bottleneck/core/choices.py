"""What a recipe's words can be, where a help text can list them without importing the recipe."""

ROW_DTYPES = ("float16", "float32")
COMPUTE = ("float32", "bfloat16")
DECODING = ("exact", "fast")
FITS = ("squash", "crop", "pad")
POOLING = ("avg", "max", "none", "cls", "cls+avg")
RESAMPLING = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")  # Pillow's filters
