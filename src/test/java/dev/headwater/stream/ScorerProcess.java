package dev.headwater.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.cli.Main;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code headwater serve} in a JVM of its own, to be killed. */
final class ScorerProcess {
  static final double AUDIT_SHARE = 0.2;
  private static final Path LOG = Path.of("target", "GuaranteeIT-serve.log");
  private static final Pattern COUNTER =
      Pattern.compile("^headwater_(\\w+)_total(?:\\{.*})? (\\S+)$", Pattern.MULTILINE);

  private final Process process;
  private final int port;

  private ScorerProcess(Process process, int port) {
    this.process = process;
    this.port = port;
  }

  /**
   * @param name consumer group, and prefix of the topics
   */
  record Mode(
      String name,
      Path bundle,
      Path state,
      StreamSettings.Guarantee guarantee,
      StreamSettings.Protocol protocol) {

    /** Writes the configuration of a scorer on this deployment, over the last one. */
    Path configure(Deployment on, Duration commitInterval, int port) throws IOException {
      return Files.writeString(
          state.resolve("serve.yaml"),
          """
          name: %s
          state-dir: %s
          bundle: {directory: %s}
          kafka: {bootstrap.servers: "%s", producer.transaction.timeout.ms: 600000%s}
          scoring: {threads: 2, batch-size: 16}
          stream:
            threads: 2
            guarantee: %s
            group-protocol: %s
            commit-interval: %dms
            linger: 5ms
            unlabelled-share: 0
          selection: {audit-share: %s, threshold: 0, budget: 1, copy-distance: 0}
          http: {port: %d}
          """
              .formatted(
                  name,
                  state,
                  bundle,
                  on.kafka.get("bootstrap.servers"),
                  member(),
                  guarantee.property().replace('_', '-'),
                  protocol.property(),
                  commitInterval.toMillis(),
                  AUDIT_SHARE,
                  port));
    }

    /** A static member's successor takes its place at once; {@code streams} knows none. */
    private String member() {
      return protocol == StreamSettings.Protocol.CLASSIC ? ", group.instance.id: " + name : "";
    }
  }

  /** Returns once it scores. */
  static ScorerProcess start(Deployment on, Mode mode, Duration commitInterval) throws IOException {
    int port = freePort();
    Path config = mode.configure(on, commitInterval, port);
    Process process =
        new ProcessBuilder(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-Xmx512m",
                    "-cp",
                    System.getProperty(
                        "surefire.test.class.path", System.getProperty("java.class.path")),
                    Main.class.getName(),
                    "serve",
                    "--config",
                    config.toString()))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(LOG.toFile()))
            .start();
    ScorerProcess scorer = new ScorerProcess(process, port);
    await().atMost(Deployment.PATIENCE).until(scorer::ready);
    return scorer;
  }

  /** SIGKILL: nothing is flushed, committed or said. */
  int kill() throws InterruptedException {
    process.destroyForcibly();
    return process.waitFor();
  }

  /** SIGTERM; returns its last counters, without {@code headwater_} and {@code _total}. */
  Map<String, Integer> stop() throws IOException, InterruptedException {
    Map<String, Integer> counts = new TreeMap<>();
    Matcher counter = COUNTER.matcher(get("/metrics").body());
    while (counter.find()) {
      counts.merge(counter.group(1), (int) Double.parseDouble(counter.group(2)), Integer::sum);
    }
    process.destroy();
    if (!process.waitFor(1, TimeUnit.MINUTES)) {
      process.destroyForcibly();
      throw new IllegalStateException("the scorer did not stop; see " + LOG);
    }
    assertThat(process.exitValue()).as("exit code of SIGTERM").isEqualTo(128 + 15);
    return counts;
  }

  private boolean ready() throws InterruptedException {
    if (!process.isAlive()) {
      throw new IllegalStateException("the scorer did not start; see " + LOG);
    }
    try {
      return get("/health/ready").statusCode() == 200;
    } catch (IOException e) {
      return false; // not listening yet
    }
  }

  private HttpResponse<String> get(String path) throws IOException, InterruptedException {
    URI uri = URI.create("http://127.0.0.1:" + port + path);
    return HttpClient.newHttpClient()
        .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
