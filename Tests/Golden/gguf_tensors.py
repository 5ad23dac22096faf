"""A GGUF file with one tensor in every supported encoding, and what the `gguf` package decodes them to.

The package writes the simple encodings from numbers. The blocks of the K encodings are random bytes with sound
scales, which any reader must decode alike.
"""

import numpy
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter
from gguf.quants import dequantize, quantize
from safetensors.numpy import save_file

WRITTEN = [Type.F32, Type.F16, Type.BF16, Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1]
# The bytes of a block, and where in it half-precision scales stand.
BLOCKS = {Type.Q4_K: (144, [0, 2]), Type.Q5_K: (176, [0, 2]), Type.Q6_K: (210, [208])}
ROWS, COLUMNS = 3, 512


def random_blocks(generator, size, scales):
    blocks = generator.integers(0, 256, (ROWS * COLUMNS // 256, size), dtype=numpy.uint8)
    for offset in scales:
        values = generator.uniform(-0.1, 0.1, len(blocks)).astype(numpy.float16)
        blocks[:, offset : offset + 2] = values[:, None].view(numpy.uint8)
    return blocks.reshape(ROWS, -1)


def write(folder):
    folder.mkdir(exist_ok=True)
    generator = numpy.random.default_rng(3)
    writer = GGUFWriter(folder / "encodings.gguf", "llama")
    golden = {}
    for kind in WRITTEN + list(BLOCKS):
        if kind in BLOCKS:
            data = random_blocks(generator, *BLOCKS[kind])
        else:
            data = quantize(generator.normal(0, 0.5, (ROWS, COLUMNS)).astype(numpy.float32), kind)
        golden[kind.name] = dequantize(data, kind).astype(numpy.float32).reshape(ROWS, COLUMNS)
        writer.add_tensor(kind.name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(golden, folder / "encodings.safetensors")
