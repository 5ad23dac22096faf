"""Random requests of the trainer service: valid ones, and valid ones with something wrong in them."""

import json
import pathlib
import random
import struct

from google.protobuf.descriptor import FieldDescriptor as Field
from swage.v1 import trainer_pb2 as pb

CALLS = dict(
    Connect=pb.ConnectRequest, ForwardBackward=pb.ForwardBackwardRequest, OptimStep=pb.OptimStepRequest,
    ClearGradients=pb.ClearGradientsRequest, Forward=pb.ForwardRequest, Save=pb.SaveRequest, Load=pb.LoadRequest,
    GetConfig=pb.GetConfigRequest, GetStatus=pb.GetStatusRequest, GetTokenizer=pb.GetTokenizerRequest, Cancel=pb.CancelRequest,
    Generate=pb.GenerateRequest)
WEIGHTS = dict(ForwardBackward=30, OptimStep=12, Forward=14, Generate=16, GetStatus=6, Cancel=8, ClearGradients=3, Load=2, Save=2)
STREAMS = {"Forward", "Generate"}
VOCABULARY = 300
OUTPUTS = ["logProbs", "logits", "entropy", "hiddenStates", "outputHead"]


def _losses():
    """The stock losses in their serial form, which the file holds one behind another."""
    text, place = (pathlib.Path(__file__).parents[1] / "Golden/losses/serial.json").read_text(), 0
    while place < len(text.rstrip()):
        loss, place = json.JSONDecoder().raw_decode(text, place)
        place += len(text[place:]) - len(text[place:].lstrip())
        yield json.dumps(loss)


LOSSES = list(_losses())

INTEGERS = [0, 1, -1, 2, 7, 255, 299, 300, 65536, 2**31 - 1, 2**31, 2**32, 2**40, 2**62, 2**63 - 1, -(2**31), -(2**63)]
NUMBERS = [0.0, -1.0, 1.0, 0.5, 1e-50, 1e-300, 1e300, float("nan"), float("inf"), float("-inf"), -0.0]
TEXTS = ["", "a", "\0", "é", "e\u0301", "../../outside", "/outside", "..", ".", "x" * 300, "logits", "step-1", "\u2028", "🙂" * 50]


class Requests:
    """`folder` is one that a hostile client would like to be written to."""

    def __init__(self, seed, folder):
        self.random, self.folder = random.Random(seed), folder
        self.ids, self.count = [], 0

    def next(self):
        """A call's name, its request's bytes, and how long it may take."""
        names = list(CALLS)
        call = self.random.choices(names, [WEIGHTS.get(name, 1) for name in names])[0]
        message = self.valid(call)
        kind = self.random.random()
        if kind < 0.45:
            for _ in range(self.random.choice([1, 1, 1, 2, 5])):
                self.spoil(message)
        data = message.SerializeToString()
        if 0.4 < kind < 0.55:
            data = self.spoil_bytes(data)
        return call, data, self.random.choice([0.001, 0.02, 0.2, 2, 2, 2, 2, 2])

    def id(self):
        self.count += 1
        if self.ids and self.random.random() < 0.15:
            return self.random.choice(self.ids[-40:])
        self.ids.append(f"{self.count}-{self.random.getrandbits(64):x}")
        return self.ids[-1]

    # What is valid

    def valid(self, call):
        message = CALLS[call]()
        if "request_id" in message.DESCRIPTOR.fields_by_name:
            message.request_id = self.id()
        if call == "Connect":
            message.versions.append(1)
        elif call in ("ForwardBackward", "Forward"):
            self.fill_batch(message, call)
        elif call == "Generate":
            self.fill_prompts(message)
        elif call == "Save":
            if self.random.random() < 0.8:
                message.name = self.random.choice(["a", "b", "c"])
            message.weights_only = self.random.random() < 0.5
        elif call == "Load" and self.random.random() < 0.5:
            message.path = self.random.choice(["a", "nowhere", f"{self.folder}/checkpoint"])
        elif call == "Cancel":
            message.request_id = self.random.choice(self.ids[-20:] or ["none"])
        return message

    def fill_batch(self, message, call):
        shape = [self.random.randint(1, 3), self.random.randint(1, 8)]
        count = shape[0] * shape[1]

        def ids():
            return self.integers(shape, [self.random.randrange(VOCABULARY) for _ in range(count)])

        message.input_ids.CopyFrom(ids())
        message.target_ids.CopyFrom(ids())
        if self.random.random() < 0.5:
            message.target_mask.CopyFrom(self.floats(shape, [float(self.random.random() < 0.7) for _ in range(count)]))
        if self.random.random() < 0.3:
            message.segment_ids.CopyFrom(self.integers(shape, sorted(self.random.randrange(3) for _ in range(shape[1])) * shape[0]))
        if call == "Forward":
            message.outputs.extend(self.random.sample(OUTPUTS, self.random.randint(1, 3)))
            return
        if self.random.random() < 0.3:
            message.target_weights.CopyFrom(self.floats(shape, [self.random.uniform(-2, 2) for _ in range(count)]))
        if self.random.random() < 0.4:
            message.loss = self.random.choice(LOSSES).encode()
            for name in ("samplerLogProbs", "referenceLogProbs", "teacherLogProbs", "returns", "oldValues"):
                if self.random.random() < 0.8:
                    message.loss_inputs[name].CopyFrom(self.floats(shape, [self.random.uniform(-3, 0) for _ in range(count)]))

    def fill_prompts(self, message):
        for _ in range(self.random.randint(1, 4)):
            # A long one keeps a server busy, which its deadline or cancellation has to end.
            count = self.random.randint(1, 6) if self.random.random() < 0.9997 else self.random.randint(1000, 20_000)
            tokens = [self.random.randrange(VOCABULARY) for _ in range(count)]
            message.prompts.add(tokens=tokens, stream=self.random.getrandbits(64))
        message.max_tokens = self.random.randint(1, 6)
        message.temperature = self.random.choice([0, 0.7, 1, 2])
        message.top_p = self.random.choice([1, 0.9, 0.1])
        if self.random.random() < 0.3:
            message.top_k = self.random.randint(1, 400)
        if self.random.random() < 0.2:
            message.first_tokens.extend(self.random.randrange(VOCABULARY) for _ in range(self.random.randint(1, 50)))
        message.seed, message.concurrency = self.random.getrandbits(64), self.random.randint(1, 4)
        message.streams_tokens = self.random.random() < 0.5

    @staticmethod
    def integers(shape, values):
        return pb.Tensor(type=pb.DATA_TYPE_INT32, shape=shape, data=struct.pack(f"<{len(values)}i", *values))

    @staticmethod
    def floats(shape, values):
        return pb.Tensor(type=pb.DATA_TYPE_FLOAT32, shape=shape, data=struct.pack(f"<{len(values)}f", *values))

    # What is wrong

    def spoil(self, message):
        """Changes one field, here or further in."""
        fields = message.DESCRIPTOR.fields
        if not fields:
            return
        field = self.random.choice(fields)
        if _is_map(field):
            entries = getattr(message, field.name)
            entries[self.random.choice(TEXTS)].CopyFrom(self.floats([1, 1], [self.random.choice(NUMBERS[:5])]))
            return self.spoil(entries[self.random.choice(sorted(entries))])
        if field.type == Field.TYPE_MESSAGE:
            return self.spoil_message(message, field)
        if field.is_repeated:
            return self.spoil_list(getattr(message, field.name), field)
        if self.random.random() < 0.15:
            return message.ClearField(field.name)
        setattr(message, field.name, self.value(field, getattr(message, field.name)))

    def spoil_message(self, message, field):
        if not field.is_repeated:
            return message.ClearField(field.name) if self.random.random() < 0.2 else self.spoil(getattr(message, field.name))
        entries = getattr(message, field.name)
        choice = self.random.random()
        if choice < 0.2:
            del entries[:]
        elif choice < 0.3 and len(entries):
            entries.extend([entries[0]] * self.random.choice([1, 50, 2000]))
        elif len(entries):
            self.spoil(self.random.choice(entries))

    def spoil_list(self, values, field):
        choice = self.random.random()
        if choice < 0.15:
            del values[:]
        elif choice < 0.3:
            values.extend([self.value(field, None)] * self.random.choice([1, 3, 20, 1000, 30000]))
        elif choice < 0.4 and len(values):
            values.extend(list(values))
        elif len(values):
            values[self.random.randrange(len(values))] = self.value(field, values[0])
        else:
            values.append(self.value(field, None))

    def value(self, field, old):
        if field.type == Field.TYPE_STRING:
            return self.random.choice([*TEXTS, f"{self.folder}/{self.random.choice(TEXTS[1:4])}", "y" * self.random.choice([1000, 100000])])
        if field.type == Field.TYPE_BYTES:
            return self.spoil_bytes(old or b"")
        if field.type == Field.TYPE_BOOL:
            return not old
        if field.type == Field.TYPE_ENUM:
            return self.random.choice([0, 1, 2, 3, 99])
        if field.type in (Field.TYPE_DOUBLE, Field.TYPE_FLOAT):
            return self.random.choice(NUMBERS)
        low, high = _RANGES[field.type]
        near = [old - 1, old + 1] if isinstance(old, int) else []
        return self.random.choice([value for value in [*INTEGERS, *near, high, low] if low <= value <= high])

    def spoil_bytes(self, data):
        data = bytearray(data)
        for _ in range(self.random.choice([1, 1, 3, 10])):
            place = self.random.randint(0, len(data))
            choice = self.random.random()
            if choice < 0.5 and place < len(data):
                data[place] = self.random.choice([0, 1, 0x7F, 0x80, 0xFF, self.random.randrange(256)])
            elif choice < 0.65:
                data[place:place] = self.random.randbytes(self.random.choice([1, 4, 100, 5000]))
            elif choice < 0.8:
                del data[place : place + self.random.choice([1, 4, 16])]
            elif choice < 0.9:
                del data[place:]
            else:
                data += data[:place]
        return bytes(data)


_RANGES = {
    Field.TYPE_INT32: (-(2**31), 2**31 - 1), Field.TYPE_INT64: (-(2**63), 2**63 - 1),
    Field.TYPE_UINT32: (0, 2**32 - 1), Field.TYPE_UINT64: (0, 2**64 - 1)}


def _is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry
