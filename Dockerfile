# CPU image, also for Hugging Face Spaces (sdk: docker, app_port: 8501), which run it as user 1000.
FROM python:3.11-slim
RUN useradd --create-home --uid 1000 reviewer
WORKDIR /home/reviewer/app
COPY --chown=reviewer requirements.txt .
# PyTorch's CPU index: the default build carries several gigabytes of CUDA libraries.
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -r requirements.txt
COPY --chown=reviewer . .
USER reviewer
# glibc keeps freed memory in per-thread arenas; these keep a busy server near its base size.
ENV MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=131072 MALLOC_MMAP_THRESHOLD_=131072
ENV SECOND_LOOK_HOME=/home/reviewer/data
# Public: sample cases only, no files are taken, nothing is kept. Other modes refuse to be served on a network.
ENV SECOND_LOOK_MODE=demo
EXPOSE 8501
CMD ["streamlit", "run", "app.py", "--server.address=0.0.0.0", "--server.port=8501"]
