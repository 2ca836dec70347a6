package dev.headwater.schema.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.stream.FreePort;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.avro.generic.GenericRecord;

/** A real schema registry, Apicurio's, in a process of its own. */
public final class ApicurioRegistry implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  private final Process process;
  private final int port;

  private ApicurioRegistry(Process process, int port) {
    this.process = process;
    this.port = port;
  }

  /** Up when this returns. */
  public static ApicurioRegistry start(String test) throws IOException {
    int port = FreePort.next();
    Path jar;
    try (Stream<Path> files = Files.list(Path.of("target", "registry"))) {
      jar = files.filter(f -> f.toString().endsWith("-runner.jar")).findFirst().orElseThrow();
    }
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-Dquarkus.http.host=127.0.0.1",
                "-Dquarkus.http.port=" + port,
                "-jar",
                jar.toString())
            .redirectErrorStream(true)
            .redirectOutput(new File("target", test + "-registry.log"))
            .start();
    ApicurioRegistry registry = new ApicurioRegistry(process, port);
    await().atMost(PATIENCE).ignoreExceptions().until(() -> registry.subjects().equals("[]"));
    return registry;
  }

  public String url(String path) {
    return "http://localhost:" + port + path;
  }

  /** Registers what it writes. */
  public AvroKafkaSerializer<GenericRecord> serializer() {
    AvroKafkaSerializer<GenericRecord> serializer = new AvroKafkaSerializer<>();
    serializer.configure(
        Map.of(
            "apicurio.registry.url",
            url("/apis/registry/v3"),
            "apicurio.registry.auto-register",
            "true"),
        false);
    return serializer;
  }

  /** As Confluent's registry lists them. */
  public String subjects() throws IOException, InterruptedException {
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(URI.create(url("/apis/ccompat/v7/subjects"))).build(),
            HttpResponse.BodyHandlers.ofString())
        .body();
  }

  /** STOP holds it up, CONT lets it go on. */
  public void signal(String name) throws IOException, InterruptedException {
    int rc = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor();
    assertThat(rc).as("kill -%s", name).isZero();
  }

  @Override
  public void close() throws InterruptedException {
    process.destroy();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
  }
}
