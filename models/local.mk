# models/: one text file an architecture, and the libraries that they share, installed where tfm
# looks for them.
dist_model_DATA += models/bart.tfm models/marian.tfm models/t5.tfm models/translator.tfm
dist_model_DATA += models/bert.tfm models/bloom.tfm models/gpt2.tfm models/llama.tfm models/mpnet.tfm models/mpt.tfm models/decoder.tfm \
  models/embedder.tfm models/settings.tfm

dist_model_DATA += models/roberta.tfm models/distilbert.tfm models/albert.tfm models/electra.tfm \
  models/modernbert.tfm models/encoder.tfm
dist_model_DATA += models/mistral.tfm models/qwen2.tfm models/qwen3.tfm models/gemma.tfm \
  models/gemma2.tfm models/gemma3.tfm models/olmo.tfm models/olmo2.tfm models/phi3.tfm \
  models/phi.tfm models/stablelm.tfm models/gptneox.tfm models/gptj.tfm models/opt.tfm \
  models/mixtral.tfm models/qwen3_moe.tfm models/rotary.tfm models/wide.tfm

# The checkpoints that the model files name, installed beside them.
bertcheckpointdir = $(modeldir)/checkpoints/bert-ko-reviews
dist_bertcheckpoint_DATA = \
  models/checkpoints/bert-ko-reviews/config.json \
  models/checkpoints/bert-ko-reviews/model.safetensors \
  models/checkpoints/bert-ko-reviews/tokenizer.json \
  models/checkpoints/bert-ko-reviews/tokenizer_config.json
gptcheckpointdir = $(modeldir)/checkpoints/gpt-ko-reviews
dist_gptcheckpoint_DATA = \
  models/checkpoints/gpt-ko-reviews/config.json \
  models/checkpoints/gpt-ko-reviews/generation_config.json \
  models/checkpoints/gpt-ko-reviews/model.safetensors \
  models/checkpoints/gpt-ko-reviews/tokenizer.json \
  models/checkpoints/gpt-ko-reviews/tokenizer_config.json
modeldocsdir = $(docdir)/models/checkpoints
dist_modeldocs_DATA = models/checkpoints/README.md models/checkpoints/bert-words.svg \
  models/checkpoints/bert-right.svg models/checkpoints/gpt.svg

# The programs of a build tree find model files in it, wherever both are moved to.
all-local: link-models
link-models:
	@test -e models || $(LN_S) $(srcdir)/models models
distclean-local:
	-test ! -h models || rm -f models
.PHONY: link-models
