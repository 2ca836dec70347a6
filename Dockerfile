# docker build --target scorer  -t headwater/scorer .
# docker build --target trainer -t headwater/trainer .
# docker build --target trainer --build-arg CUDA=1 -t headwater/trainer:cuda .   (not tested on CUDA)
# docker build --target demo    -t headwater/demo .      model and stream of the demo, for a volume
ARG JAVA=21

# Dependencies first: they depend on the pom only, so code changes keep these layers cached.
FROM maven:3.9-eclipse-temurin-${JAVA} AS libraries
ARG CUDA
WORKDIR /src
COPY pom.xml ./
RUN --mount=type=cache,target=/root/.m2 \
    mvn -B -q -ntp ${CUDA:+-Pcuda} dependency:copy-dependencies@lib dependency:unpack@encoder \
 && mkdir target/torch && mv target/lib/pytorch-* target/torch/

FROM libraries AS build
ARG CUDA
COPY .mvn .mvn
COPY schemas schemas
COPY src/main src/main
RUN --mount=type=cache,target=/root/.m2 \
    MAVEN_OPTS=-XX:TieredStopAtLevel=1 mvn -B -q -ntp ${CUDA:+-Pcuda} package \
    -Dmaven.test.skip=true -DskipChecks=true -Derrorprone=-parameters -Dmdep.skip=true

# The JVM runs without a shell, so that it receives SIGTERM and shuts down cleanly. Native libraries
# are unpacked to /tmp, which must allow execution. State is in /var/lib/headwater; nothing else is
# written.
FROM eclipse-temurin:${JAVA}-jre AS runtime
RUN useradd --system --uid 10001 --home-dir /var/lib/headwater --create-home headwater
ENV HEADWATER_HTTP_HOST=0.0.0.0 \
    HEADWATER_STATE_DIR=/var/lib/headwater/state \
    DJL_CACHE_DIR=/tmp/djl \
    ROCKSDB_SHAREDLIB_DIR=/tmp \
    OPT_OUT_TRACKING=true
WORKDIR /opt/headwater
COPY --from=libraries /src/target/lib lib
USER 10001:10001
# CrashOnOutOfMemoryError exits with 1, a failure; ExitOnOutOfMemoryError exits with 3, which here
# reports a negative result
VOLUME ["/tmp", "/var/lib/headwater"]
ENTRYPOINT ["java", "-XX:MaxRAMPercentage=50", "-XX:+CrashOnOutOfMemoryError", "-XX:-CreateCoredumpOnCrash", \
  "-Djava.io.tmpdir=/tmp", "-Djna.tmpdir=/tmp", "-Dai.djl.offline=true", "-jar", "headwater.jar"]

FROM runtime AS trainer
ARG CUDA
# remove the label once the image has run on a GPU; empty for CPU builds
LABEL dev.headwater.cuda="${CUDA:+untested on CUDA}"
COPY --from=libraries /src/target/torch lib
COPY --from=build /src/target/headwater.jar ./
EXPOSE 8081
HEALTHCHECK --interval=5s --timeout=10s --start-period=120s --retries=3 \
  CMD ["curl", "-fsS", "http://127.0.0.1:8081/health/ready"]
CMD ["train", "--config", "/etc/headwater/config.yaml"]

FROM runtime AS demo
COPY --from=libraries /src/target/encoder /demo
COPY deploy/examples/bundles/support.yaml /demo/headwater.yaml
COPY deploy/examples/support /demo
VOLUME ["/demo"]

FROM runtime AS scorer
COPY --from=build /src/target/headwater.jar ./
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=10s --start-period=120s --retries=3 \
  CMD ["curl", "-fsS", "http://127.0.0.1:8080/health/ready"]
CMD ["serve", "--config", "/etc/headwater/config.yaml"]
