"""The parts that are compiled, and only where a C compiler is: without it the same work is done in Python."""

from setuptools import Extension, setup

# Cython is there by [build-system] requires; setuptools then compiles .pyx by itself. Not by way of cythonize(), which
# drops `optional` and so makes a missing compiler fail the installation.
setup(
    ext_modules=[
        Extension(
            f"server.media.native.{name}",
            [f"server/media/native/{name}.pyx"],
            extra_compile_args=["-O3"],
            depends=["server/media/native/members.pxd", "server/media/native/sockets.pxd"],
            optional=True,
        )
        for name in ("fanout", "intake")
    ]
)
