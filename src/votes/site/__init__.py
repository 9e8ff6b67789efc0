"""The pages: templates, words, pictures and the files that they refer to. No I/O but at start."""
