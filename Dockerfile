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
# Public: nothing is kept, each visitor is apart, limits are small. For SECOND_LOOK_MODE=server see the README.
ENV SECOND_LOOK_MODE=demo
ENV STREAMLIT_SERVER_MAX_UPLOAD_SIZE=25
# A Space shows the app in a frame of another site, where browsers keep the cookie back that uploads are checked
# against. Nobody is signed in here; every other mode keeps the check on, and shows nothing without it.
ENV STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION=false
# A Space answers under names that are not known here; nothing is kept that another name could reach.
ENV STREAMLIT_SERVER_ALLOWED_HOSTS=*
EXPOSE 8501
HEALTHCHECK CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/readyz', timeout=5)"
CMD ["streamlit", "run", "serve.py", "--server.address=0.0.0.0", "--server.port=8501"]
