def run(settings): return []
