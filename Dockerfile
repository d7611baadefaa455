# Bichron in a container. Three stages: the pages are built with Node, the hot path of media with a C compiler, and the
# server runs on Debian's small Python image, which has neither.
FROM node:22-bookworm-slim AS pages
WORKDIR /bichron/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY web ./
RUN npm run build

FROM python:3.12-bookworm AS native
WORKDIR /bichron
RUN pip install --no-cache-dir setuptools cython
COPY setup.py ./
COPY server/media/native server/media/native
RUN python setup.py build_ext --inplace

FROM python:3.12-slim-bookworm
RUN useradd --create-home --uid 10001 bichron && install -d -o bichron /data
WORKDIR /bichron
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY server server
COPY recordings recordings
COPY web/templates web/templates
COPY --from=native /bichron/server/media/native server/media/native
COPY --from=pages /bichron/server/static/dist server/static/dist
RUN pip install --no-cache-dir --no-deps -e .
USER bichron
VOLUME /data
EXPOSE 8080/tcp 8189/udp 8189/tcp
HEALTHCHECK --interval=10s --timeout=3s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["bichron"]
CMD ["serve", "--host", "0.0.0.0", "--data", "/data"]
