# models/: one text file an architecture, installed where tfm looks for them.
dist_model_DATA += models/bert.tfm models/gpt2.tfm models/llama.tfm
