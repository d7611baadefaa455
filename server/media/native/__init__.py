"""What is compiled where there is a C compiler, each with a twin in Python that does the same: see decision 9.

fanout.pyx    one burst to all its viewers      twin: media/fanout/pure.py
intake.pyx    one burst from the socket         twin: media/net/intake.py
members.pxd, sockets.pxd                        what both need of Python's objects and of Linux
"""
