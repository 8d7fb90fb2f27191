# docs/: the pages and the manuals.  Pages are installed as they lie in the tree, so that
# they find each other; of links to what is not installed the text stays
# (docs/installed.sh).
dist_doc_DATA += README.md COPYING HACKING.md NEWS SECURITY.md
docpagesdir = $(docdir)/docs
dist_docpages_DATA = docs/design.md docs/language.md docs/plugins.md docs/tokenizers.md \
  docs/formats.md docs/generation.md docs/answers.md docs/models.md
dist_man_MANS += docs/man/tfmrun.1 docs/man/tfmc.1 docs/man/tfmbench.1 docs/man/tfmeval.1
dist_man_MANS += docs/man/tfm-tokenize.1
dist_man_MANS += docs/man/tfm-weights.1 docs/man/tfm-inspect.1
dist_docpages_DATA += docs/config.md docs/ops.md
