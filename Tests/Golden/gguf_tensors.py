"""A GGUF file with one tensor in every encoding that is read, and what the `gguf` package decodes them to.

Numbers are written from numbers. All blocks are random bytes, which any reader must decode alike: the first row's scales are sound, the
others' are whatever the bytes say, infinities and NaN among them. Q8_K alone has no decoder in the package, and its rule is written down
here.
"""

import numpy
from gguf import GGML_QUANT_SIZES, GGUFWriter
from gguf import GGMLQuantizationType as Type
from gguf.quants import dequantize, quantize
from safetensors.numpy import save_file

NUMBERS = [Type.F32, Type.F16, Type.BF16, Type.F64]
# Where in a block half-precision scales stand.
SCALES = {
    Type.Q4_0: [0],
    Type.Q4_1: [0, 2],
    Type.Q5_0: [0],
    Type.Q5_1: [0, 2],
    Type.Q8_0: [0],
    Type.Q2_K: [80, 82],
    Type.Q3_K: [108],
    Type.Q4_K: [0, 2],
    Type.Q5_K: [0, 2],
    Type.Q6_K: [208],
    Type.Q8_K: [],
    Type.IQ4_NL: [0],
    Type.IQ4_XS: [0],
    Type.MXFP4: [],
}
ROWS, COLUMNS = 3, 512


def random_blocks(generator, kind):
    elements, size = GGML_QUANT_SIZES[kind]
    blocks = generator.integers(0, 256, (ROWS * COLUMNS // elements, size), dtype=numpy.uint8)
    for offset in SCALES[kind]:
        values = generator.uniform(-0.1, 0.1, len(blocks) // ROWS).astype(numpy.float16)
        blocks[: len(values), offset : offset + 2] = values[:, None].view(numpy.uint8)
    if kind == Type.Q8_K:
        blocks[0, :4] = numpy.array([0.01], dtype=numpy.float32).view(numpy.uint8)
    return blocks.reshape(ROWS, -1)


def decoded(data, kind):
    if kind == Type.F64:
        return data.astype(numpy.float32)
    if kind == Type.Q8_K:
        blocks = data.reshape(-1, GGML_QUANT_SIZES[kind][1])
        scales = numpy.ascontiguousarray(blocks[:, :4]).view(numpy.float32)
        return scales * numpy.ascontiguousarray(blocks[:, 4:260]).view(numpy.int8).astype(numpy.float32)
    return dequantize(data, kind)


def write(folder):
    folder.mkdir(exist_ok=True)
    generator = numpy.random.default_rng(3)
    writer = GGUFWriter(folder / "encodings.gguf", "llama")
    golden = {}
    for kind in NUMBERS + list(SCALES):
        if kind in SCALES:
            data = random_blocks(generator, kind)
        else:
            data = generator.normal(0, 0.5, (ROWS, COLUMNS))
            data = data if kind == Type.F64 else quantize(data.astype(numpy.float32), kind)
        with numpy.errstate(invalid="ignore", over="ignore"):
            golden[kind.name] = decoded(data, kind).astype(numpy.float32).reshape(ROWS, COLUMNS)
        writer.add_tensor(kind.name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(golden, folder / "encodings.safetensors")
