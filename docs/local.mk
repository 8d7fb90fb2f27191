# docs/: the pages and the manuals.
dist_doc_DATA += docs/design.md
dist_man_MANS += docs/man/tfmrun.1 docs/man/tfmc.1 docs/man/tfmbench.1 docs/man/tfmeval.1
dist_man_MANS += docs/man/tfm-tokenize.1
dist_doc_DATA += README.md docs/language.md docs/plugins.md
dist_man_MANS += docs/man/tfm-weights.1
dist_doc_DATA += docs/tokenizers.md
dist_doc_DATA += docs/formats.md
dist_doc_DATA += docs/generation.md
dist_doc_DATA += docs/answers.md
dist_doc_DATA += docs/config.md
