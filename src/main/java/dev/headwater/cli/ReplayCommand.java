package dev.headwater.cli;

import dev.headwater.config.Settings;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "replay",
    mixinStandardHelpOptions = true,
    description = {
      "Backtests continual adaptation on a labelled stream.",
      "Runs scorer and trainer as deployed, on an embedded broker unless --bootstrap is set. Labels"
          + " are delivered only for label requests. The report gives the prequential accuracy of"
          + " the adaptive and the frozen head over the same records.",
      "By default it runs in a child JVM with the C1 compiler only, which is faster for runs of"
          + " minutes. JVM options such as -XX: turn this off."
    })
final class ReplayCommand implements Callable<Integer> {
  @Mixin private ConfigOption config;

  @Option(
      names = "--stream",
      paramLabel = "FILE",
      description = "Labelled records to replay, JSONL.")
  private @Nullable Path stream;

  @Option(
      names = "--from-topic",
      description =
          "Replays the records topics of the deployment instead of a file. The ground truth comes"
              + " from its samples and labels topics. --from and --until limit the range.")
  private boolean fromTopic;

  @Mixin private RangeOption range;

  @Option(names = "--rate", paramLabel = "R", description = "Input rate, in records per second.")
  private @Nullable Double rate;

  @Option(
      names = "--label-delay",
      paramLabel = "D",
      description = "Label delay: time from a label request to its label, such as 10s.")
  private @Nullable String labelDelay;

  @Option(
      names = "--no-adapt",
      description = "Runs without a trainer and measures the frozen head only.")
  private boolean frozen;

  @Option(
      names = "--bootstrap",
      paramLabel = "HOST:PORT",
      description =
          "Broker to run on instead of an embedded one. The replay creates its own topics and"
              + " deletes them at the end.")
  private @Nullable String bootstrap;

  @Option(names = "--report", paramLabel = "FILE", description = "File for the JSON report.")
  private @Nullable Path report;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "File for the HTML report, a self-contained page.")
  private @Nullable Path html;

  @Option(
      names = "--dump",
      paramLabel = "DIR",
      description =
          "Directory for predictions.jsonl and samples.jsonl, the data behind the report.")
  private @Nullable Path dump;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  ReplayCommand() {}

  @Override
  public Integer call() throws Exception {
    Settings settings = config.load(overrides());
    if (fromTopic && stream != null) {
      throw new UsageException("--from-topic and --stream are mutually exclusive");
    }
    if (fromTopic) {
      new Replays(settings).run(range.from(), range.until());
    } else if (range.given()) {
      throw new UsageException("--from and --until require --from-topic");
    } else {
      new Replays(settings).run();
    }
    return 0;
  }

  /** Maps options to configuration keys, so that both are validated and reported the same way. */
  private Map<String, String> overrides() {
    Map<String, String> keys = new LinkedHashMap<>();
    put(keys, "replay.stream", stream);
    put(keys, "replay.rate", rate);
    put(keys, "replay.label-delay", labelDelay);
    put(keys, "replay.adapt", frozen ? false : null);
    put(keys, "replay.bootstrap-servers", bootstrap);
    put(keys, "replay.report", report);
    put(keys, "replay.html", html);
    put(keys, "replay.dump", dump);
    return keys;
  }

  private static void put(Map<String, String> keys, String key, @Nullable Object value) {
    if (value != null) {
      keys.put(key, value.toString());
    }
  }
}
