"""The program that decodes pictures from outside: run in a process of its own, and importing nothing of Imagora."""
