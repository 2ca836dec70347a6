package dev.headwater.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.cli.Main;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;

/** {@code headwater serve} or {@code train} in a JVM of its own, to be killed. */
public final class HeadwaterProcess {
  public static final double AUDIT_SHARE = 0.2;
  private static final Pattern COUNTER =
      Pattern.compile("^headwater_(\\w+)_total(?:\\{.*})? (\\S+)$", Pattern.MULTILINE);
  private static final Pattern ENDED =
      Pattern.compile(
          "scorer stopped received=\"(\\d+)\" predicted=\"(\\d+)\" dead-lettered=\"(\\d+)\"");
  private static final Duration QUIET = Duration.ofSeconds(10);

  /** Five seconds alone; with other builds beside it a start has taken two minutes. */
  private static final Duration START = Duration.ofMinutes(4);

  private final Process process;
  private final int port;
  private final Path log;

  private HeadwaterProcess(Process process, int port, Path log) {
    this.process = process;
    this.port = port;
    this.log = log;
  }

  /**
   * @param name consumer group, and prefix of the topics
   * @param member its static id, which {@code streams} knows none of
   * @param kafka further client properties
   * @param more lines of the configuration
   * @param environment further variables
   */
  public record Mode(
      String name,
      String member,
      Path bundle,
      Path state,
      StreamSettings.Guarantee guarantee,
      StreamSettings.Protocol protocol,
      Map<String, Object> kafka,
      String more,
      Map<String, String> environment) {

    /** Writes the configuration of a scorer on this deployment, over the last one. */
    Path configure(Deployment on, Duration commitInterval, int port) throws IOException {
      return Files.writeString(
          state.resolve("serve.yaml"),
          """
          name: %s
          state-dir: %s
          bundle: {directory: %s}
          kafka: {bootstrap.servers: "%s"%s%s}
          scoring: {threads: 2, batch-size: 16}
          stream:
            threads: 2
            guarantee: %s
            group-protocol: %s
            commit-interval: %dms
            linger: 5ms
            unlabelled-share: 0
          selection: {audit-share: %s, threshold: 0, budget: 1, near-duplicate-distance: 0, max-rate: 2000000000}
          http: {port: %d, trainer-port: %d}
          %s
          """
              .formatted(
                  name,
                  state,
                  bundle,
                  on.kafka.get("bootstrap.servers"),
                  kafka.entrySet().stream()
                      .map(e -> ", " + e.getKey() + ": " + e.getValue())
                      .collect(Collectors.joining()),
                  staticMember(),
                  guarantee.property().replace('_', '-'),
                  protocol.property(),
                  commitInterval.toMillis(),
                  AUDIT_SHARE,
                  port,
                  port,
                  more));
    }

    /** A static member's successor takes its place at once. */
    private String staticMember() {
      return protocol == StreamSettings.Protocol.CLASSIC ? ", group.instance.id: " + member : "";
    }
  }

  /** Returns once it scores. */
  public static HeadwaterProcess start(Deployment on, Mode mode, Duration commitInterval)
      throws IOException {
    HeadwaterProcess scorer = launch("serve", on, mode, commitInterval);
    scorer.awaitReady();
    return scorer;
  }

  /** Returns at once. */
  public static HeadwaterProcess launch(
      String command, Deployment on, Mode mode, Duration commitInterval) throws IOException {
    int port = FreePort.next();
    Path config = mode.configure(on, commitInterval, port);
    Path log =
        Path.of("target", "serve", "%s-%s-%d.log".formatted(mode.name(), mode.member(), port));
    ProcessBuilder builder =
        TestJvm.of(log, "512m", Main.class, command, "--config", config.toString());
    builder.environment().putAll(mode.environment());
    return new HeadwaterProcess(builder.start(), port, log);
  }

  public void awaitReady() {
    await().atMost(START).until(this::ready);
  }

  public long pid() {
    return process.pid();
  }

  /** As {@code kill -STOP} and the like. */
  public void signal(String name) throws IOException, InterruptedException {
    Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(pid())).start();
    assertThat(kill.waitFor()).as("kill -%s", name).isZero();
  }

  /** SIGKILL: nothing is flushed, committed or said. */
  public int kill() throws InterruptedException {
    process.destroyForcibly();
    return process.waitFor();
  }

  /** SIGTERM; returns its last counters, without {@code headwater_} and {@code _total}. */
  public Map<String, Integer> stop() throws IOException, InterruptedException {
    Map<String, Integer> counts = counts();
    process.destroy();
    if (!process.waitFor(1, TimeUnit.MINUTES)) {
      process.destroyForcibly();
      throw new IllegalStateException("the process did not stop; see " + log);
    }
    assertThat(process.exitValue()).as("exit code of SIGTERM, see %s", log).isEqualTo(128 + 15);
    // a scorer counts what it had in hand after the signal, when it can only log it
    Matcher ended = ENDED.matcher(Files.readString(log));
    if (ended.find()) {
      counts.put("records_received", Integer.valueOf(ended.group(1)));
      counts.put("records_predicted", Integer.valueOf(ended.group(2)));
      counts.put("records_dead_lettered", Integer.valueOf(ended.group(3)));
    }
    return counts;
  }

  /** Its counters by now, summed over their tags. */
  public Map<String, Integer> counts() throws IOException, InterruptedException {
    Map<String, Integer> counts = new TreeMap<>();
    Matcher counter = COUNTER.matcher(get("/metrics").body());
    while (counter.find()) {
      counts.merge(counter.group(1), (int) Double.parseDouble(counter.group(2)), Integer::sum);
    }
    return counts;
  }

  /** A gauge, of whatever tags. */
  public double gauge(String name) throws IOException, InterruptedException {
    return value("headwater_" + name + "[ {].*");
  }

  /**
   * @param series a pattern; of several the first counts
   */
  public double value(String series) throws IOException, InterruptedException {
    return values(series)
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("no series " + series));
  }

  /**
   * @param series a pattern; all of several are added up
   */
  public double sum(String series) throws IOException, InterruptedException {
    return values(series).sum();
  }

  private DoubleStream values(String series) throws IOException, InterruptedException {
    return get("/metrics")
        .body()
        .lines()
        .filter(line -> line.matches(series))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)));
  }

  /** Whether its log has this so far. */
  public boolean logged(String text) throws IOException {
    return Files.readString(log).contains(text);
  }

  /** Whether it says that only a restart can help, or has ended. */
  public boolean dead() throws InterruptedException {
    return !process.isAlive() || says("/health/live") == 503;
  }

  public boolean ready() throws InterruptedException {
    if (!process.isAlive()) {
      throw new IllegalStateException(
          "the process ended with %d; see %s".formatted(process.exitValue(), log));
    }
    return says("/health/ready") == 200;
  }

  /** 0 where it does not listen. */
  private int says(String path) throws InterruptedException {
    try {
      return get(path).statusCode();
    } catch (IOException e) {
      return 0; // not yet, or not any more
    }
  }

  private HttpResponse<String> get(String path) throws IOException, InterruptedException {
    URI uri = URI.create("http://127.0.0.1:" + port + path);
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(uri).timeout(QUIET).build(),
            HttpResponse.BodyHandlers.ofString());
  }
}
