package dev.headwater.cli;

import dev.headwater.bench.Bench;
import dev.headwater.bench.BenchSettings;
import dev.headwater.bench.Commands;
import dev.headwater.bench.Ffnn;
import dev.headwater.bench.Report;
import dev.headwater.bundle.Bundle;
import dev.headwater.config.Settings;
import dev.headwater.config.SettingsLoader;
import dev.headwater.replay.Pipeline;
import dev.headwater.replay.Scratch;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    description = {
      "Measures how fast a deployment scores, on a broker in a process of its own, beside the raw"
          + " limit of ONNX Runtime, a plain Kafka Streams processor, and its own topology without"
          + " inference; all on these cores in one run, over the records of replay.stream."
    })
final class BenchCommand implements Callable<Integer> {
  @ArgGroup(multiplicity = "1")
  private Subject subject;

  @Spec private CommandSpec spec;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "5",
      description = "In each, every contestant runs once. Default: ${DEFAULT-VALUE}.")
  private int rounds;

  @Option(
      names = "--seconds",
      paramLabel = "S",
      defaultValue = "10",
      description = "Of Headwater's run in a round. Default: ${DEFAULT-VALUE}.")
  private double seconds;

  @Option(
      names = "--minutes",
      paramLabel = "M",
      defaultValue = "30",
      description = "Of SOAK. Default: ${DEFAULT-VALUE}.")
  private double minutes;

  @Option(
      names = "--only",
      split = ",",
      paramLabel = "PART",
      description = "Of ${COMPLETION-CANDIDATES}; all but SOAK, TASKS and SCALE where not given.")
  private @Nullable Set<BenchSettings.Part> only;

  @Option(
      names = "--axes",
      split = ",",
      paramLabel = "AXIS",
      description =
          "What grows in SCALE, which measures the cost of a record on a small network of its own:"
              + " of ${COMPLETION-CANDIDATES}; all where not given.")
  private @Nullable Set<BenchSettings.Axis> axes;

  @Option(
      names = "--up-to",
      paramLabel = "N",
      defaultValue = "1000000",
      description = "How far it grows. Default: ${DEFAULT-VALUE}.")
  private int upTo;

  @Option(names = "--report", paramLabel = "FILE", description = "Where the report goes, JSON.")
  private @Nullable Path report;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  BenchCommand() {}

  /** What is measured. */
  private static final class Subject {
    @Option(
        names = "--config",
        required = true,
        paramLabel = "FILE",
        description = "The deployment's configuration, as for serve; its broker is not used.")
    private @Nullable Path config;

    @Option(
        names = "--workload",
        required = true,
        description =
            "A built-in one: ${COMPLETION-CANDIDATES}, 28x28 pixels to 10 classes through a"
                + " feed-forward network, on records of 8 KB.")
    private @Nullable Workload workload;
  }

  private enum Workload {
    FFNN
  }

  @Override
  public Integer call() throws Exception {
    Lifetime.untilSignalled(
        signalled -> {
          Thread bench = Thread.currentThread();
          Thread ctrlC = new Thread(() -> interrupt(bench, signalled), "ctrl-c");
          ctrlC.setDaemon(true);
          ctrlC.start();
          try {
            measure(line -> say(line, signalled));
          } catch (Exception e) {
            if (signalled.getCount() > 0) {
              throw e;
            }
            // whatever it was in the middle of fails in its own way
            spec.commandLine().getErr().println("stopped before its end");
          }
        });
    return 0;
  }

  /** So that brokers and scorers are closed, and their files deleted, as at an ordinary end. */
  private static void interrupt(Thread bench, CountDownLatch signalled) {
    try {
      signalled.await();
      bench.interrupt();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // nobody does: the process ends first
    }
  }

  /** Goes no further once it is to end: an interrupt may have been taken by some library. */
  private void say(String line, CountDownLatch signalled) {
    if (signalled.getCount() == 0) {
      throw new CancellationException();
    }
    spec.commandLine().getOut().println(line);
  }

  private void measure(Consumer<String> say) throws Exception {
    if (subject.config != null) {
      measure(subject.config, say);
      return;
    }
    try (Scratch scratch = Scratch.create()) {
      measure(Ffnn.CRAYFISH.write(scratch.path()), say);
    }
  }

  private void measure(Path config, Consumer<String> say) throws Exception {
    Settings settings = SettingsLoader.load(config, System.getenv(), Map.of());
    Path stream =
        settings.replay().stream()
            .orElseThrow(() -> new UsageException("no records to score: set replay.stream"));
    Set<BenchSettings.Part> parts = only == null ? BenchSettings.Part.ofDeployment() : only;
    if (parts.contains(BenchSettings.Part.ADAPTATION)) {
      settings.requireSigningKey(); // train would refuse, after all else has been measured
    }
    Bundle bundle = settings.loadBundle();
    Pipeline pipeline =
        new Pipeline(
            bundle,
            settings.topicSettings(),
            settings.stream(),
            settings.scoring(),
            settings.adapt(),
            settings.gates(bundle),
            Optional.empty(),
            settings.kafka());
    Report measured = new Report();
    Bench bench;
    try {
      bench =
          new Bench(
              new BenchSettings(
                  pipeline,
                  settings.manifest(),
                  settings.bundleDirectory(),
                  stream,
                  settings.replay().truthFields(),
                  new Commands(Main.class.getName(), config, settings.topicNames()),
                  parts,
                  axes == null ? EnumSet.allOf(BenchSettings.Axis.class) : axes,
                  upTo,
                  rounds,
                  seconds,
                  minutes),
              measured,
              say);
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
    try (AutoCloseable told = () -> tell(measured)) {
      bench.run();
    }
  }

  /** Of a part that fails, or of Ctrl-C, too: what was measured before it has cost its time. */
  private void tell(Report measured) throws IOException {
    if (!measured.isBegun()) {
      return;
    }
    boolean unused = Thread.interrupted(); // Ctrl-C's, which would end the writing
    spec.commandLine().getOut().println(measured);
    if (report != null) {
      measured.write(report);
    }
  }
}
