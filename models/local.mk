# models/: one text file an architecture: dist_model_DATA += models/gpt2.tfm
