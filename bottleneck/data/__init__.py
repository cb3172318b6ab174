"""Sources of images: where they are listed, read and decoded; data never sees a store."""
