"""Every layer class of Keras in a network for images: a typical configuration, and what it is fed.

`LAYERS` has a function for each class: from Keras and an image (8, 8, 3) of values from 0 to 1 to
a tensor. `NEVER` says why a class cannot be in a network for images.
"""

from __future__ import annotations

SIZE = (8, 8)


def _flat(x):
    """Return the image as one vector (192)."""
    return _reshaped(x, (192,))


def _rows(x):
    """Return the image as a sequence of its rows (8, 24)."""
    return _reshaped(x, (8, 24))


def _cube(x):
    """Return the image as a volume (4, 4, 4, 3)."""
    return _reshaped(x, (4, 4, 4, 3))


def _frames(x, *shape):
    """Return the image as frames (4, 48), each of this shape."""
    return _reshaped(x, (4, *shape))


def _reshaped(x, shape):
    import keras

    return keras.layers.Reshape(shape)(x)


def _whole(k, x):
    """Return the pixels as whole numbers from 0 to 9 (192)."""
    return k.ops.cast(_flat(x) * 9, "int32")


def _on(feed, name, *given, **named):
    return lambda k, x: getattr(k.layers, name)(*given, **named)(feed(x))


def _same(x):
    return x


def _wrapped(name, inner, feed=_rows, **named):
    return lambda k, x: getattr(k.layers, name)(inner(k.layers), **named)(feed(x))


def _pair(name, **named):
    return lambda k, x: getattr(k.layers, name)(**named)([x, x * x])


LAYERS = {
    # of the pixels one by one
    "Activation": _on(_same, "Activation", "tanh"),
    "ELU": _on(_same, "ELU", 0.7),
    "LeakyReLU": _on(_same, "LeakyReLU", 0.1),
    "PReLU": _on(_same, "PReLU", shared_axes=[1, 2], alpha_initializer="ones"),
    "ReLU": _on(_same, "ReLU", max_value=0.5),
    "Softmax": _on(_same, "Softmax"),
    "Masking": _on(_rows, "Masking", 0.5),
    "Rescaling": _on(_same, "Rescaling", [2.0, 3.0, 4.0], offset=-1.0),
    "Normalization": _on(_same, "Normalization", mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0]),
    "Discretization": _on(_same, "Discretization", bin_boundaries=[0.2, 0.5]),
    "Hashing": lambda k, x: k.layers.Hashing(5)(_whole(k, x)),
    "CategoryEncoding": lambda k, x: k.layers.CategoryEncoding(10)(_whole(k, x)),
    "Embedding": lambda k, x: k.layers.Embedding(10, 3)(_whole(k, x)),
    "ReversibleEmbedding": lambda k, x: k.layers.ReversibleEmbedding(10, 3)(_whole(k, x)),
    # of neighbouring pixels
    "Conv1D": _on(_rows, "Conv1D", 3, 2),
    "Conv1DTranspose": _on(_rows, "Conv1DTranspose", 3, 2, strides=2),
    "Conv2D": _on(_same, "Conv2D", 6, 3, groups=3, activation="gelu"),
    "Conv2DTranspose": _on(_same, "Conv2DTranspose", 3, 2, strides=2),
    "Conv3D": _on(_cube, "Conv3D", 3, 2),
    "Conv3DTranspose": _on(_cube, "Conv3DTranspose", 3, 2, strides=2),
    "DepthwiseConv1D": _on(_rows, "DepthwiseConv1D", 2),
    "DepthwiseConv2D": _on(_same, "DepthwiseConv2D", 3, depth_multiplier=2),
    "SeparableConv1D": _on(_rows, "SeparableConv1D", 3, 2),
    "SeparableConv2D": _on(_same, "SeparableConv2D", 3, 2),
    "MaxPooling1D": _on(_rows, "MaxPooling1D"),
    "MaxPooling2D": _on(_same, "MaxPooling2D", 3, strides=2, padding="same"),
    "MaxPooling3D": _on(_cube, "MaxPooling3D"),
    "AveragePooling1D": _on(_rows, "AveragePooling1D", 2),
    "AveragePooling2D": _on(_same, "AveragePooling2D", 2),
    "AveragePooling3D": _on(_cube, "AveragePooling3D", 2),
    "AdaptiveAveragePooling1D": _on(_rows, "AdaptiveAveragePooling1D", 3),
    "AdaptiveAveragePooling2D": _on(_same, "AdaptiveAveragePooling2D", 3),
    "AdaptiveAveragePooling3D": _on(_cube, "AdaptiveAveragePooling3D", 2),
    "AdaptiveMaxPooling1D": _on(_rows, "AdaptiveMaxPooling1D", 3),
    "AdaptiveMaxPooling2D": _on(_same, "AdaptiveMaxPooling2D", 3),
    "AdaptiveMaxPooling3D": _on(_cube, "AdaptiveMaxPooling3D", 2),
    "GlobalAveragePooling1D": _on(_rows, "GlobalAveragePooling1D"),
    "GlobalAveragePooling2D": _on(_same, "GlobalAveragePooling2D"),
    "GlobalAveragePooling3D": _on(_cube, "GlobalAveragePooling3D"),
    "GlobalMaxPooling1D": _on(_rows, "GlobalMaxPooling1D"),
    "GlobalMaxPooling2D": _on(_same, "GlobalMaxPooling2D", keepdims=True),
    "GlobalMaxPooling3D": _on(_cube, "GlobalMaxPooling3D"),
    # of the shape
    "Cropping1D": _on(_rows, "Cropping1D"),
    "Cropping2D": _on(_same, "Cropping2D", ((1, 2), (0, 1))),
    "Cropping3D": _on(_cube, "Cropping3D"),
    "ZeroPadding1D": _on(_rows, "ZeroPadding1D"),
    "ZeroPadding2D": _on(_same, "ZeroPadding2D", ((1, 2), (0, 1))),
    "ZeroPadding3D": _on(_cube, "ZeroPadding3D"),
    "UpSampling1D": _on(_rows, "UpSampling1D"),
    "UpSampling2D": _on(_same, "UpSampling2D", interpolation="bilinear"),
    "UpSampling3D": _on(_cube, "UpSampling3D"),
    "Flatten": _on(_same, "Flatten"),
    "Permute": _on(_same, "Permute", (3, 1, 2)),
    "RepeatVector": _on(_flat, "RepeatVector", 2),
    "Reshape": _on(_same, "Reshape", (4, -1)),
    # of all of them
    "Dense": _on(_same, "Dense", 4, activation="softmax"),
    "EinsumDense": _on(_same, "EinsumDense", "abcd,de->abce", (8, 8, 5), bias_axes="e"),
    "BatchNormalization": _on(_same, "BatchNormalization"),
    "GroupNormalization": _on(_same, "GroupNormalization", 3),
    "LayerNormalization": _on(_same, "LayerNormalization"),
    "RMSNormalization": _on(_same, "RMSNormalization"),
    "UnitNormalization": _on(_same, "UnitNormalization"),
    "SpectralNormalization": _wrapped("SpectralNormalization", lambda of: of.Conv2D(3, 2), _same),
    # of several tensors
    "Add": _pair("Add"),
    "Average": _pair("Average"),
    "Concatenate": _pair("Concatenate", axis=1),
    "Maximum": _pair("Maximum"),
    "Minimum": _pair("Minimum"),
    "Multiply": _pair("Multiply"),
    "Subtract": _pair("Subtract"),
    "Dot": lambda k, x: k.layers.Dot(2, normalize=True)([_rows(x), _rows(x * x)]),
    "Attention": lambda k, x: k.layers.Attention(use_scale=True)([_rows(x), _rows(x * x)]),
    "AdditiveAttention": lambda k, x: k.layers.AdditiveAttention()([_rows(x), _rows(x * x)]),
    "MultiHeadAttention": lambda k, x: k.layers.MultiHeadAttention(2, 4)(
        _rows(x), _rows(x * x), use_causal_mask=True
    ),
    "GroupedQueryAttention": lambda k, x: k.layers.GroupQueryAttention(4, 4, 2)(
        _rows(x), _rows(x * x)
    ),
    # of sequences
    "GRU": _on(_rows, "GRU", 3),
    "LSTM": _on(_rows, "LSTM", 3, return_sequences=True, go_backwards=True),
    "SimpleRNN": _on(_rows, "SimpleRNN", 3),
    "GRUCell": _wrapped("RNN", lambda of: of.GRUCell(3)),
    "LSTMCell": _wrapped("RNN", lambda of: of.LSTMCell(3)),
    "SimpleRNNCell": _wrapped("RNN", lambda of: of.SimpleRNNCell(3)),
    "StackedRNNCells": _wrapped("RNN", lambda of: [of.GRUCell(3), of.LSTMCell(2)]),
    "RNN": _wrapped("RNN", lambda of: of.LSTMCell(3), return_sequences=True),
    "ConvLSTM1D": _on(lambda x: _frames(x, 16, 3), "ConvLSTM1D", 2, 3),
    "ConvLSTM2D": _on(lambda x: _frames(x, 4, 4, 3), "ConvLSTM2D", 2, 3),
    "ConvLSTM3D": _on(lambda x: _frames(x, 2, 2, 4, 3), "ConvLSTM3D", 2, 2),
    "Bidirectional": _wrapped("Bidirectional", lambda of: of.LSTM(3)),
    "TimeDistributed": _wrapped(
        "TimeDistributed", lambda of: of.Conv2D(2, 3), lambda x: _frames(x, 4, 4, 3)
    ),
    "STFTSpectrogram": lambda k, x: k.layers.STFTSpectrogram(frame_length=32, frame_step=16)(
        k.ops.expand_dims(_flat(x), -1)
    ),
    "MelSpectrogram": lambda k, x: k.layers.MelSpectrogram(
        fft_length=64, sequence_stride=16, num_mel_bins=8
    )(_flat(x)),
    # pictures that change at inference too
    "AutoContrast": _on(_same, "AutoContrast", value_range=(0, 1)),
    "CenterCrop": _on(_same, "CenterCrop", 4, 6),
    "ContrastLimitedAdaptiveHistogramEqualization": _on(
        _same,
        "ContrastLimitedAdaptiveHistogramEqualization",
        value_range=(0, 1),
        tile_grid_size=(2, 2),
    ),
    "Resizing": _on(_same, "Resizing", 5, 6),
    "Pipeline": lambda k, x: k.layers.Pipeline([k.layers.RandomFlip(), k.layers.Rescaling(2.0)])(x),
}

# Layers that do nothing at inference, and what they are fed.
NOTHING = {
    "ActivityRegularization": _on(_same, "ActivityRegularization", l2=0.1),
    "AlphaDropout": _on(_same, "AlphaDropout", 0.5),
    "AugMix": _on(_same, "AugMix"),
    "CutMix": _on(_same, "CutMix"),
    "Dropout": _on(_same, "Dropout", 0.5),
    "GaussianDropout": _on(_same, "GaussianDropout", 0.5),
    "GaussianNoise": _on(_same, "GaussianNoise", 0.5),
    "Identity": _on(_same, "Identity"),
    "MaxNumBoundingBoxes": _on(_same, "MaxNumBoundingBoxes", 3),
    "MixUp": _on(_same, "MixUp"),
    "RandAugment": _on(_same, "RandAugment"),
    "RandomBrightness": _on(_same, "RandomBrightness", 0.3),
    "RandomColorDegeneration": _on(_same, "RandomColorDegeneration", 0.5),
    "RandomColorJitter": _on(_same, "RandomColorJitter", brightness_factor=0.5),
    "RandomContrast": _on(_same, "RandomContrast", 0.3),
    "RandomCrop": _on(_same, "RandomCrop", 4, 6),
    "RandomElasticTransform": _on(_same, "RandomElasticTransform"),
    "RandomErasing": _on(_same, "RandomErasing"),
    "RandomFlip": _on(_same, "RandomFlip"),
    "RandomGaussianBlur": _on(_same, "RandomGaussianBlur"),
    "RandomGrayscale": _on(_same, "RandomGrayscale"),
    "RandomHue": _on(_same, "RandomHue", 0.5),
    "RandomInvert": _on(_same, "RandomInvert"),
    "RandomPerspective": _on(_same, "RandomPerspective"),
    "RandomPosterization": _on(_same, "RandomPosterization", 4),
    "RandomRotation": _on(_same, "RandomRotation", 0.3),
    "RandomSaturation": _on(_same, "RandomSaturation", 0.5),
    "RandomSharpness": _on(_same, "RandomSharpness", 0.5),
    "RandomShear": _on(_same, "RandomShear", (0.0, 0.2), (0.0, 0.2)),
    "RandomTranslation": _on(_same, "RandomTranslation", 0.2, 0.2),
    "RandomZoom": _on(_same, "RandomZoom", 0.3),
    "Solarization": _on(_same, "Solarization", threshold_factor=0.5),
    "SpatialDropout1D": _on(_rows, "SpatialDropout1D", 0.5),
    "SpatialDropout2D": _on(_same, "SpatialDropout2D", 0.5),
    "SpatialDropout3D": _on(_cube, "SpatialDropout3D", 0.5),
}
FEEDS = {"SpatialDropout1D": _rows, "SpatialDropout3D": _cube}

NEVER = {
    "Equalization": "gives back the tensor it was given, which Keras refuses as a cycle",
    "HashedCrossing": "cannot be loaded by Keras: it wants a tuple and is saved with a list",
    "InputLayer": "is what a network begins with: each of the others has one before it",
    "InputSpec": "is no layer but what a layer says of its inputs",
    "Layer": "is what other layers are made from, and computes nothing itself",
    "Wrapper": "is what other layers are made from, and computes nothing itself",
    "Lambda": "holds code of others, see test_code_inside_a_file_…",
    "FlaxLayer": "holds code of others",
    "JaxLayer": "holds code of others",
    "TFSMLayer": "holds code of others",
    "TorchModuleWrapper": "holds code of others",
    "IntegerLookup": "reads files, and looks up words",
    "StringLookup": "reads files, and looks up words",
    "TextVectorization": "reads files, and looks up words",
}
