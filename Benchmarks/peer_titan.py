"""TorchTitan's own training step on a Monarch mesh of the same processes as Swage's: peer_titan.py MODEL. Its own chunked
cross entropy, clipping, optimizer and schedule; no loss program, no gRPC, no Swift. Speaks as EngineBenchmarks does."""

import json
import sys
import tempfile
import time

from monarch.actor import endpoint

# isort: split
from swage_worker.options import Degrees, OptimizerOptions, Schedule, TitanOptions
from swage_worker.titan.engine import _mesh
from swage_worker.titan.rank import TitanRank  # before anything of TorchTitan

# isort: split
import torch
from torchtitan.components.loss import ChunkedLossWrapper, CrossEntropyLoss
from torchtitan.config.configs import CompileConfig
from torchtitan.distributed import utils as distributed

RANKS = 2


class DirectRank(TitanRank):
    @endpoint
    def take_over(self):
        self.direct = ChunkedLossWrapper.Config(loss_fn=CrossEntropyLoss.Config()).build(compile_config=CompileConfig())
        self.direct.set_lm_head(self.parts[0].lm_head)
        self.trainer.loss_fn = self.direct

    @endpoint
    def train(self, rows):
        """The rows of all ranks; this one takes its own."""
        trainer, mesh = self.trainer, self.trainer.parallel_dims.get_mesh("batch")
        own = rows[mesh.get_local_rank() :: mesh.size()]
        count = torch.tensor(float(rows.shape[0] * (rows.shape[1] - 1)))
        positions = torch.arange(rows.shape[1] - 1).expand(own.shape[0], -1)
        trainer.optimizers.zero_grad()
        loss = trainer.forward_backward_step(
            input_dict=dict(input=own[:, :-1], positions=positions), labels=own[:, 1:], global_valid_tokens=count)
        distributed.clip_grad_norm_([p for part in self.parts for p in part.parameters()], 1.0, foreach=True)
        trainer.optimizers.step()
        trainer.lr_schedulers.step()
        return distributed.dist_sum(loss.detach(), trainer.parallel_dims.get_mesh("loss"))


def main():
    with tempfile.TemporaryDirectory() as scratch:
        options = TitanOptions(
            model=sys.argv[1], name="", loss={}, checkpoint_directory=scratch, address="", scratch=scratch, threads=1,
            sequence_length=8192, parallelism=Degrees(replicate=1, shard=RANKS, tensor=1, context=1, pipeline=1),
            optimizer=OptimizerOptions(
                learning_rate=1e-5, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0,
                schedule=Schedule(shape="constant", warmup_steps=0, total_steps=100)))
        ranks = _mesh(RANKS).spawn("direct", DirectRank, options)
        ranks.open.call().get()
        ranks.take_over.call().get()
        for line in sys.stdin:
            rows = torch.tensor(json.loads(line)["step"])
            start = time.perf_counter()
            loss = next(iter(ranks.train.call(rows).get().values()))
            print(json.dumps(dict(seconds=time.perf_counter() - start, loss=loss)), flush=True)


if __name__ == "__main__":
    main()
