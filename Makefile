# The pipeline as a graph of files. `make help` lists the commands; `make` reruns only what a change affects.
#
#   PROFILE   sample (default), sentiment140, or one of your own in pipelines/profiles/
#   CORPUS    a labelled CSV to use instead of the profile's, a folder of them, or a pattern ("tweets/*.parquet")
#   GLOVE     GloVe vectors to use instead of the profile's
#   FROM      a model folder to start from; its words, vectors and weights are used, and no GloVe file is read
#   TESTS     further labelled CSVs that evaluate scores; PROFILE:FILE reads FILE in the format of another profile
#   SET       settings to override, e.g. SET="training.epochs=3 network.cell=gru"; values in TOML syntax
#   RUN       a name for a separate run: RUN=gru writes models/<profile>-gru/ and leaves models/<profile>/ alone
#   REPLACE   REPLACE=1 permits replacing a model by one with other CORPUS, GLOVE, SET or FROM
#   WORKERS   number of processes that read and preprocess a corpus of many files; it does not change the results
#   VECTORS   further GloVe files that ablation compares
#   FOLDS     options of crossvalidate, e.g. FOLDS="--folds 10" or FOLDS="--seeds 7 8 9"
#   CURVE     options of curve, e.g. CURVE="--seeds 7 --sizes 200 1000"
#   TWEETS    a second list of tweets that bench predicts: a CSV in Sentiment140's format, or PROFILE:FILE.
#             TWEETS_MODEL names the model folder that predicts them, if it is not the profile's.
#   ABLATION  options of ablation, e.g. ABLATION="--seeds 7 --train-rows 5000" for a short form

PROFILE ?= sample
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DO := $(BIN)/python -m
export TF_CPP_MIN_LOG_LEVEL ?= 3

# Quote a word for the shell.
quoted = '$(subst ','\'',$1)'
# Make splits names at spaces. Names of folders are checked here, paths of files in pipelines/shared/make_variables.py.
refuse = $(error error: $1=$($1): expected $2 without spaces and quotes)
divided = $(or $(word 2,$($1)),$(findstring ',$($1))$(findstring ",$($1)))
# The name of the profile; PROFILE may also be the path of its .toml.
STEM := $(basename $(notdir $(PROFILE)))
$(if $(or $(call divided,PROFILE),$(if $(filter-out .,$(STEM)),,none)),$(call refuse,PROFILE,a profile or the path of a .toml))
$(if $(call divided,RUN),$(call refuse,RUN,a name))
PROFILE_FILE := $(if $(filter %.toml,$(PROFILE)),$(PROFILE),pipelines/profiles/$(PROFILE).toml)

RAW := data/raw/$(STEM)
NAME := $(STEM)$(addprefix -,$(RUN))
INTERIM := data/interim/$(NAME)
PROCESSED := data/processed/$(NAME)
MODEL := models/$(NAME)
# The variables of earlier calls for this run, used if not given again; see pipelines/shared/make_variables.py.
-include $(INTERIM)/remembered.mk
# A model to start from is used instead of vectors, so vectors that are given anew must end an earlier FROM.
$(if $(and $(GLOVE),$(filter command,$(origin GLOVE)),$(filter file,$(origin FROM))),$(eval override FROM :=))
GIVEN := $(foreach name,CORPUS GLOVE SET FROM TESTS,$(if $(filter command environment override,$(origin $(name))),--given $(call quoted,$(name)=$($(name)))))
# The files of a profile with several corpora (`[[corpora]]`).
CORPORA := $(shell sed -n "s/^[[:space:]]*file[[:space:]]*=[[:space:]]*[\"']\([^\"']*\)[\"'].*/\1/p" '$(PROFILE_FILE)' 2>/dev/null)
DEFAULT_CORPUS := $(or $(CORPORA),$(RAW)/corpus.csv)
DEFAULT_GLOVE := $(RAW)/$(if $(filter sample,$(STEM)),glove.npy,glove.zip)
CORPUS ?= $(DEFAULT_CORPUS)
GLOVE ?= $(DEFAULT_GLOVE)
# Empty values, CORPUS= and GLOVE=, restore the defaults.
$(foreach name,CORPUS GLOVE,$(if $(strip $($(name))),,$(eval override $(name) := $(DEFAULT_$(name)))))
ONE_CORPUS := $(if $(and $(CORPORA),$(filter file override,$(origin CORPUS))),,--corpus $(call quoted,$(CORPUS)))
# Keep files that exist or can be fetched. Missing files are left to the stages, whose error messages are clearer.
there = $(filter $(RAW)/%,$1) $(filter-out $(RAW)/%,$(wildcard $1))
TEST_FILES := $(call there,$(foreach test,$(TESTS),$(lastword $(subst :, ,$(test)))))
# The source of words and vectors: the GloVe file or a trained model. The stage refuses a missing model.
VECTORS_FROM := $(if $(FROM),$(wildcard $(FROM)/model.json),$(call there,$(GLOVE)))
OPTIONS := --profile $(PROFILE) $(addprefix --run ,$(RUN)) $(if $(strip $(SET)),--set $(call quoted,$(SET))) \
  $(if $(FROM),--from $(call quoted,$(FROM)))
SPREAD := $(addprefix --workers ,$(WORKERS))
# The files of the corpus, also if CORPUS is a folder.
CORPUS_FILES := $(call there,$(CORPUS)) \
  $(shell test ! -d $(call quoted,$(CORPUS)) || find $(call quoted,$(CORPUS)) -type f | sed 's/ /\\ /g')

# The code of each stage, by folder of sentiment/. If it changes, this stage and the later ones rerun.
# Python's bytecode does not count, or the second `make` would train anew because the first one has written it.
code_in = $(filter-out %.pyc,$(wildcard sentiment/*.py sentiment/predict/model_files.py sentiment/data/table_files.py sentiment/data/table_names.py pipelines/shared/*.py $(foreach folder,common $1,sentiment/$(folder)/*.* sentiment/$(folder)/*/*.*)))
LOAD_CODE := pipelines/load.py $(call code_in,data text prepare)
PREPROCESS_CODE := pipelines/preprocess.py $(call code_in,data text embedding prepare augment)
EMBED_CODE := pipelines/embed.py $(call code_in,data text embedding network)
TRAIN_CODE := pipelines/train.py $(call code_in,data text network augment training)
EXPORT_CODE := pipelines/export.py $(call code_in,data text network export predict) \
  sentiment/report/try_page.py sentiment/report/templating.py $(addprefix sentiment/report/templates/,try.html.j2 style.css)
EVALUATE_CODE := pipelines/evaluate.py $(call code_in,data text network predict evaluation)
REPORT_CODE := pipelines/report.py $(call code_in,data text network predict training evaluation report)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all crossvalidate curve help download preprocess train evaluate report tries share-check verify wheel tensorboard onnx ablation test test-newest check fuzz faults bench bench-serve bench-gpu bench-scale docs runs clean FORCE

all: evaluate ## everything: preprocess, train, evaluate

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

download: $(BIN)/.installed ## fetch what the profile is made from
	$(DO) pipelines.download $(OPTIONS)

preprocess: $(PROCESSED)/embedding_matrix.npy ## corpus and GloVe -> ids, lexicon, embedding matrix

train: $(MODEL)/model.json ## fit the network and export it

evaluate: $(MODEL)/README.md ## score the model and the baselines, write report and model card

report: $(BIN)/.installed ## write report and model card again
	$(DO) pipelines.report $(OPTIONS)

tries: $(MODEL)/model.json ## which of a newcomer's first sentences the model answers rightly, VADER beside it
	$(DO) pipelines.tries '$(MODEL)'

share-check: $(MODEL)/metrics.json ## draw labels again and again: do the intervals of shares cover the truth
	$(DO) pipelines.share_check '$(MODEL)'

verify: $(BIN)/.installed ## check the model folder and its inputs against the manifest
	$(BIN)/sentiment verify '$(MODEL)'

wheel: $(BIN)/.developer $(MODEL)/README.md ## dist/sentiment-*.whl with the model inside, which answers once it is installed
	$(DO) pipelines.wheel $(OPTIONS)

tensorboard: $(BIN)/.installed ## look at the training logs
	$(BIN)/tensorboard --logdir $(MODEL)/logs

onnx: $(BIN)/.onnx $(MODEL)/model.json ## the exported network as model.onnx too
	$(DO) pipelines.onnx $(OPTIONS)

# The inputs of commands that train several times. With FROM, vectors are read only if the file exists.
REPEATED := $(ONE_CORPUS) $(if $(FROM),$(foreach file,$(wildcard $(GLOVE)),--glove $(call quoted,$(file))),--glove $(call quoted,$(GLOVE)))
REPEATED_FILES := $(call there,$(CORPUS) $(if $(FROM),,$(GLOVE)))

ablation: $(REPEATED_FILES) | $(BIN)/.installed ## train a grid of settings to see what matters (hours; can be interrupted)
	$(DO) pipelines.ablation $(OPTIONS) $(REPEATED) $(addprefix --vectors ,$(VECTORS)) $(ABLATION)

crossvalidate: $(REPEATED_FILES) | $(BIN)/.installed ## train and score over five splits: means and deviations
	$(DO) pipelines.crossvalidate $(OPTIONS) $(REPEATED) $(FOLDS)

curve: $(REPEATED_FILES) | $(BIN)/.installed ## train on 100, 200, 500 ... tweets, with and without FROM: the learning curve
	$(DO) pipelines.curve $(OPTIONS) $(REPEATED) $(CURVE)

test: $(BIN)/.developer ## the test suite
	$(DO) pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

test-newest: ## the test suite with the newest release of every package, in .venv-newest
	$(MAKE) test VENV=.venv-newest NEWEST=1

check: $(BIN)/.developer ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

fuzz: $(BIN)/.developer ## damaged input of every kind, a hundred thousand times
	$(DO) tests.fuzz

faults: $(BIN)/.developer ## kill every stage at random points, and look at what is left
	$(DO) tests.kill
	$(DO) tests.kill_score

bench: $(BIN)/.peers $(MODEL)/README.md ## measure speed and memory against the alternatives
	$(DO) pipelines.bench $(OPTIONS) $(addprefix --tweets ,$(TWEETS)) $(addprefix --tweets-model ,$(TWEETS_MODEL))

bench-serve: $(BIN)/.developer $(MODEL)/README.md ## measure the service: speed, memory, start (needs wrk)
	$(DO) pipelines.bench.serve $(OPTIONS)

bench-scale: $(BIN)/.developer $(MODEL)/model.json ## measure scoring of many files on a process pool and on Ray
	$(DO) pipelines.bench.scale $(OPTIONS)

bench-gpu: $(MODEL)/model.json ## measure training on a GPU; KERAS_BACKEND=jax or torch chooses the backend
	$(DO) pipelines.bench $(OPTIONS) --only training

docs: $(BIN)/.installed ## the page of all settings, from the code
	$(DO) pipelines.settings_page

runs: $(BIN)/.installed ## the runs there are, with what they were made from and their figures
	@$(DO) pipelines.runs

clean: ## remove a profile's artefacts (PROFILE=all: everybody's), but neither downloads nor .venv
	rm -rf $(if $(filter all,$(PROFILE)),$(filter-out models/latest/,$(wildcard data/interim/*/ data/processed/*/ models/*/)),'$(INTERIM)' '$(PROCESSED)' '$(MODEL)')
	@test -e models/latest || { rm -f models/latest; last=$$(ls -t models/*/model.json 2>/dev/null | head -n 1); \
	  test -z "$$last" || ln -s "$$(basename "$$(dirname "$$last")")" models/latest; }

INSTALL := $(BIN)/pip install -q --disable-pip-version-check $(if $(NEWEST),--upgrade,-c constraints.txt)
# Print the first of these Pythons that TensorFlow supports.
FITTING := for each in $(PYTHON) python3.13 python3.12 python3.11; do $$each -c \
  'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$each && break; done

$(BIN)/.installed: pyproject.toml constraints.txt
	@python=$$($(FITTING)); given=$$($(PYTHON) --version 2>&1); \
	test -n "$$python" || { echo "error: TensorFlow has builds for Python 3.11 to 3.13, and $(PYTHON) is $$given; install one of them, or name it: make PYTHON=python3.13" >&2; exit 2; }; \
	test "$$python" = "$(PYTHON)" || echo "TensorFlow has no build for $$given ($(PYTHON)); taking $$python"; \
	$$python -m venv $(VENV)
	$(INSTALL) -e '.[train]'
	@touch $@

$(BIN)/.developer: $(BIN)/.installed
	$(INSTALL) -e '.[dev]'
	@touch $@

$(BIN)/.peers: $(BIN)/.installed
	$(INSTALL) -e '.[peers]'
	@touch $@

$(BIN)/.onnx: $(BIN)/.installed
	$(INSTALL) -e '.[onnx]'
	@touch $@

# The settings of each stage. The file is rewritten only if they change, so that unaffected stages do not rerun.
$(INTERIM)/settings/%.json: FORCE | $(BIN)/.installed
	@$(DO) pipelines.settings_stamp $* $(OPTIONS) $(GIVEN) --inputs $(call quoted,$(CORPUS)) \
	  $(call quoted,$(or $(FROM),$(GLOVE))) $(foreach test,$(TESTS),$(call quoted,$(test))) $(if $(REPLACE),--replace)

$(RAW)/%: | $(BIN)/.installed
	$(DO) pipelines.download $(OPTIONS)

$(INTERIM)/tweets.parquet: $(INTERIM)/settings/load.json $(CORPUS_FILES) $(LOAD_CODE) | $(BIN)/.installed
	$(DO) pipelines.load $(OPTIONS) $(SPREAD) $(ONE_CORPUS)

$(PROCESSED)/encoded.json: $(INTERIM)/tweets.parquet $(VECTORS_FROM) $(INTERIM)/settings/preprocess.json $(PREPROCESS_CODE)
	$(DO) pipelines.preprocess $(OPTIONS) $(SPREAD) --glove $(call quoted,$(GLOVE))

$(PROCESSED)/embedding_matrix.npy: $(PROCESSED)/encoded.json $(VECTORS_FROM) $(INTERIM)/settings/embed.json $(EMBED_CODE)
	$(DO) pipelines.embed $(OPTIONS) --glove $(call quoted,$(GLOVE))

$(MODEL)/model.keras: $(PROCESSED)/embedding_matrix.npy $(INTERIM)/settings/train.json $(TRAIN_CODE)
	$(DO) pipelines.train $(OPTIONS)

$(MODEL)/model.json: $(MODEL)/model.keras $(INTERIM)/settings/export.json $(EXPORT_CODE)
	$(DO) pipelines.export $(OPTIONS)

$(MODEL)/metrics.json: $(MODEL)/model.json $(TEST_FILES) $(INTERIM)/settings/evaluate.json $(EVALUATE_CODE)
	$(DO) pipelines.evaluate $(OPTIONS) $(foreach test,$(TESTS),--corpus $(call quoted,$(test)))

$(MODEL)/README.md: $(MODEL)/metrics.json $(REPORT_CODE)
	$(DO) pipelines.report $(OPTIONS)
