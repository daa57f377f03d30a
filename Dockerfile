# The HTTP service with Python, NumPy, Arrow and a web server, without TensorFlow and spaCy.
#
#   docker build -t sentiment .
#   docker run -p 127.0.0.1:8501:8501 -v "$PWD/models/sample:/models/sample:ro" sentiment --model /models/sample

FROM python:3.11.13-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY sentiment sentiment
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11.13-slim-bookworm
COPY constraints.txt /tmp/constraints.txt
COPY --from=build /wheels /wheels
RUN python -m pip install --no-cache-dir --constraint /tmp/constraints.txt "$(echo /wheels/*.whl)[serve]"
RUN useradd --system --uid 10001 --no-create-home sentiment
USER 10001
EXPOSE 8501
# 0.0.0.0, because a container's loopback is not reachable from outside. `docker run -p` decides who may connect.
ENTRYPOINT ["sentiment", "serve", "--host", "0.0.0.0"]
CMD ["--model", "/models/sample"]
HEALTHCHECK --interval=10s --timeout=3s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/healthz')"]
