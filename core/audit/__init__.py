"""Training audit: can the reported scores be true together, did a class collapse, did attention collapse?"""
