"""The one part that is compiled, and only where a C compiler is: without it the same work is done in Python."""

from setuptools import Extension, setup

# Cython is there by [build-system] requires; setuptools then compiles .pyx by itself. Not by way of cythonize(), which
# drops `optional` and so makes a missing compiler fail the installation.
setup(
    ext_modules=[
        Extension(
            "server.media.fanout._native",
            ["server/media/fanout/_native.pyx"],
            extra_compile_args=["-O3"],
            optional=True,
        )
    ]
)
