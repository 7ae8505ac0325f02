print("audgate")
