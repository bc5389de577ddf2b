# guacr as a container: Guacamole protocol on 4822, as guacd's image has it, WebSocket and page
# on 4823 for this container alone until a key is set (docs/operations.md).
# Every step is the same on amd64 and arm64.

FROM node:22-bookworm-slim AS node

FROM python:3.13-slim-bookworm AS build
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
RUN python -m venv /opt/guacr
WORKDIR /src
# What changes seldom comes first, so that it is built seldom.
COPY pyproject.toml setup.py MANIFEST.in package.json package-lock.json LICENSE README.md ./
COPY guacr guacr
COPY handlers handlers
COPY terminal terminal
RUN /opt/guacr/bin/pip install --no-cache-dir ".[acme,databases,grpc,journal,otel,top,webrtc]"

FROM python:3.13-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        fontconfig fonts-dejavu-core fonts-noto-cjk fonts-noto-color-emoji libfreerdp-client2-2 libopus0 \
        ghostscript \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 1000 guacr \
    && useradd --uid 1000 --gid guacr --create-home --shell /usr/sbin/nologin guacr \
    && install --directory --owner guacr --group guacr --mode 0700 /var/lib/guacr
COPY --from=build /opt/guacr /opt/guacr
COPY config/guacr.toml /etc/guacr/guacr.toml
COPY config/image.toml /opt/guacr/image.toml
ENV PATH="/opt/guacr/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    GUACR_DEFAULTS_PATH=/opt/guacr/image.toml
USER guacr
EXPOSE 4822 4823
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["guacr", "healthcheck"]
STOPSIGNAL SIGTERM
# Options after the image's name are those of `guacr serve`; a command in their place works as well.
ENTRYPOINT ["guacr"]
CMD ["serve"]
