"""The stages of the workflow: one package each.

`command.py` has the command of the stage; the further commands of a stage are beside it, each in a module with the name
of the command. Packages of stages do not import each other; stages exchange tables and files.
"""
