"""Models on ONNX Runtime: exported once into the cache folder, in 8 bits where asked, and run on the processor."""
