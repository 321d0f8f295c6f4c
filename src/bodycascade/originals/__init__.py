"""Data sets as their makers distribute them, brought to the layout that the pipeline reads (`bodycascade.data.layout`).

pascal_part   the Pascal-Part release: one .mat file per image, 24 parts of a person, grouped to our six
person_part   Pascal-Person-Part: indexed PNGs, the same six parts in another order of labels
mattes        portrait mattes: a person's outline alone, for the person expert
assembling    pictures, label maps and lists of ids to a folder of the layout, whole or not at all
"""
