# Results and evidence, computed without a framework from the reference runs, and served:
#   docker build -t radimagenet-reexamined . && docker run --rm -p 8000:8000 radimagenet-reexamined
FROM python:3.12-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /book
COPY . .
RUN make read
EXPOSE 8000
CMD ["python3", "-m", "http.server", "8000", "--directory", "_build/html"]
