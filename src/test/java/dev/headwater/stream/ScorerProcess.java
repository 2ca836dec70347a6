package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.bundle.Bundle;
import dev.headwater.metrics.InMemoryScorerMetrics;
import dev.headwater.schema.Json;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import dev.headwater.scoring.ScoringSettings;
import dev.headwater.stream.selection.Selection;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A scorer in a JVM of its own, to be killed. Its main ends cleanly once its input is closed. */
final class ScorerProcess {
  static final double AUDIT_SHARE = 0.2;
  private static final String STARTED = "started";

  private final Process process;
  private final BufferedReader output;

  private ScorerProcess(Process process) {
    this.process = process;
    this.output = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
  }

  /** Returns once it scores. */
  static ScorerProcess start(Deployment on, String name, Path bundle, Path state)
      throws IOException {
    String classPath =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    File log = state.resolveSibling("scorer.log").toFile();
    Process process =
        new ProcessBuilder(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-Xmx512m",
                    "-cp",
                    classPath,
                    ScorerProcess.class.getName(),
                    on.kafka.get("bootstrap.servers").toString(),
                    name,
                    bundle.toString(),
                    state.toString()))
            .redirectError(ProcessBuilder.Redirect.appendTo(log))
            .start();
    ScorerProcess scorer = new ScorerProcess(process);
    String line = scorer.output.readLine();
    if (!STARTED.equals(line)) {
      throw new IllegalStateException("the scorer said " + line + "; see " + log);
    }
    return scorer;
  }

  /** SIGKILL: nothing is flushed, committed or said. */
  int kill() throws InterruptedException {
    process.destroyForcibly();
    return process.waitFor();
  }

  /** Closes it cleanly and returns its counters by name. */
  @SuppressWarnings("unchecked")
  Map<String, Integer> stop() throws IOException, InterruptedException {
    process.getOutputStream().close();
    String counts = output.readLine();
    if (!process.waitFor(1, TimeUnit.MINUTES)) {
      process.destroyForcibly();
      throw new IllegalStateException("the scorer did not stop");
    }
    return Json.MAPPER.readValue(counts, Map.class);
  }

  public static void main(String[] args) throws Exception {
    Path directory = Path.of(args[2]);
    Bundle bundle = Bundle.load(directory.resolve("headwater.yaml"), directory);
    Topics topics = Topics.of(TopicNames.prefixed(args[1]));
    // a static member: the next one takes its place at once instead of after the session timeout
    Map<String, Object> kafka = Map.of("bootstrap.servers", args[0], "group.instance.id", args[1]);
    InMemoryScorerMetrics metrics = new InMemoryScorerMetrics();
    StreamSettings settings =
        new StreamSettings(
            args[1],
            Path.of(args[3]),
            2,
            StreamSettings.Guarantee.EXACTLY_ONCE_V2,
            StreamSettings.Protocol.CLASSIC,
            Duration.ofSeconds(2), // long enough to be killed in the middle of
            Duration.ofMillis(5),
            new Selection(AUDIT_SHARE, 0),
            0,
            Duration.ofDays(1),
            3,
            1 << 20,
            Duration.ofSeconds(60),
            Duration.ofSeconds(30));
    try (StreamService service =
        new StreamService(
            settings, bundle, new ScoringSettings(2, 1, 16, false), topics, kafka, metrics)) {
      service.start();
      System.out.println(STARTED);
      while (System.in.read() >= 0) {
        // until it is closed
      }
    }
    System.out.println(Json.MAPPER.writeValueAsString(metrics.counts()));
  }
}
