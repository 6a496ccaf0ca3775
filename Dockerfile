# One image for every command: `docker run realtube serve`, `docker run realtube publish --every 30m`, …
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/realtube
WORKDIR /src
COPY requirements.lock ./
RUN /opt/realtube/bin/pip install --require-hashes --requirement requirements.lock
COPY . .
RUN /opt/realtube/bin/pip install --no-deps .

FROM python:3.11-slim-bookworm
RUN useradd --system --create-home --home-dir /var/lib/realtube --uid 10001 realtube
COPY --from=build /opt/realtube /opt/realtube
ENV PATH=/opt/realtube/bin:$PATH PYTHONUNBUFFERED=1 REALTUBE_HOME=/var/lib/realtube/home REALTUBE_HOST=0.0.0.0
USER realtube
WORKDIR /var/lib/realtube
# The home holds the votes log and the keys: mount something that is backed up.
VOLUME /var/lib/realtube
EXPOSE 8080
ENTRYPOINT ["realtube"]
CMD ["--help"]
