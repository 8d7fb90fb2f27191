# docs/: dist_doc_DATA += docs/language.md; dist_man_MANS += docs/tfmrun.1
