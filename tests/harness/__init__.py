"""What the tests share: tiny models, saved folders, twins of references, processes to kill."""
