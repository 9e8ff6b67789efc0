"""What becomes of numbers while votes flow and the read models under them are exchanged.

`releases` are other programs to run, `house` runs them, `people` vote and look, `checks` compares.
"""
