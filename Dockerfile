# The API as a server for the container host: the bundle `container` as an image.
#
# The base is given by digest, so that two builds have the same one; there is no default, because a tag is no version:
#   docker build --build-arg PYTHON_IMAGE=python:3.13-slim-bookworm@sha256:… --tag episode-metadata:<release> .
ARG PYTHON_IMAGE

FROM ${PYTHON_IMAGE} AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY locks/container.txt /build/container.txt
RUN python -m pip install --require-hashes --no-deps --only-binary :all: --target /app --requirement /build/container.txt \
    && rm -rf /app/bin
COPY runtime /app/runtime
# Here, because the file system is read-only where it runs. The bytecode of an image never goes stale.
RUN python -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 1001 platform \
    && useradd --uid 1001 --gid 1001 --no-create-home --home-dir /app --shell /usr/sbin/nologin platform
COPY --from=packages /app /app
WORKDIR /app
ENV HOST=0.0.0.0 PORT=3000 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# The one folder that stays writable; container hosts give a volume that is not declared here to root.
VOLUME /tmp
USER 1001:1001
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=3s --start-period=40s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health', timeout=2)"]
CMD ["python", "-m", "runtime"]
