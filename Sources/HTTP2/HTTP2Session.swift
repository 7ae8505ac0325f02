// placeholder
internal import CNghttp2
