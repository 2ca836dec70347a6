package dev.headwater.cli;

import dev.headwater.adapt.AdaptSettings;
import dev.headwater.adapt.Relabelling;
import dev.headwater.bundle.Task;
import dev.headwater.config.ConfigException;
import dev.headwater.config.Settings;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.heads.HeadPublisher.VersionTakenException;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Json;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.LivePointer;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.BiPredicate;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "heads",
    mixinStandardHelpOptions = true,
    description = "Shows, tries, approves of, pins, rolls back and exports head versions.")
final class HeadsCommand {
  private static final String VERSION = "A head version, as 'heads list' shows it.";
  private static final BiPredicate<HeadLog, String> UNPINNED = (log, task) -> false;

  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  HeadsCommand() {}

  @Command(
      mixinStandardHelpOptions = true,
      description =
          "The newest versions with their verdicts, oldest first; '*' marks the live one, 'p' its"
              + " pin, 'c' a canary, '?' what waits for approval.")
  int list(@Mixin ConfigOption config) throws Exception {
    Settings settings = config.load();
    HeadLog log = log(settings);
    for (String task : log.tasks()) {
      long live = log.liveVersion(task);
      boolean pinned = pinned(log, task);
      Optional<LivePointer.Canary> canary = log.live(task).map(LivePointer::canary);
      out()
          .printf(
              "%s: head %d is live%s%s%n",
              task,
              live,
              pinned ? " and pinned" : "",
              canary
                  .map(c -> ", head %d for %s of the keys".formatted(c.version(), c.share()))
                  .orElse(""));
      for (HeadInfo head : log.versions(task)) {
        boolean kept = log.hasTensors(task, head.version());
        boolean waits = (manual(settings) || canary.isPresent()) && kept && waits(log, head);
        String mark = head.version() != live ? waits ? "? " : "  " : pinned ? "*p" : "* ";
        boolean tried = canary.filter(c -> c.version() == head.version()).isPresent();
        mark = tried ? "c " : mark;
        String gone = log.tooLarge(task, head.version()).orElse("tensors no longer kept");
        out().println(line(mark, head, kept || !head.verdict().accepted() ? "" : gone));
      }
    }
    if (log.tasks().isEmpty()) {
      out().println("no head was ever published: the bundle's own serves, if it has one");
    }
    return 0;
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = "One version as JSON: parent, labels, trigger, verdict and its numbers.")
  int show(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "VERSION", description = VERSION) long version,
      @Mixin TaskOption option)
      throws Exception {
    Settings settings = config.load();
    String task = option.of(settings.loadBundle()).name();
    HeadInfo head = info(log(settings), task, version);
    out().println(Json.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(head));
    return 0;
  }

  @Command(
      mixinStandardHelpOptions = true,
      description =
          "Makes an earlier version live again, on every instance, its labels under their names of"
              + " now. Where the live one is pinned, this one is then.")
  int rollback(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "VERSION", description = VERSION) long version,
      @Mixin TaskOption option)
      throws Exception {
    return point(config, option, (log, task) -> own(log, task, version), HeadsCommand::pinned);
  }

  @Command(
      mixinStandardHelpOptions = true,
      description =
          "Makes a version live that the gate accepted and that waits (adapt.promotion: manual),"
              + " or a canary.")
  int approve(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "VERSION", description = VERSION) long version,
      @Mixin TaskOption option)
      throws Exception {
    return point(config, option, (log, task) -> waiting(log, task, version), UNPINNED);
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = {
        "Lets an accepted version serve a share of the keys, the same keys for as long as it does.",
        "Nothing is promoted meanwhile. 'heads approve' makes it live for all; a share of 0, or"
            + " 'heads rollback', ends it."
      })
  int canary(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "VERSION", description = VERSION) long version,
      @Option(
              names = "--share",
              required = true,
              paramLabel = "S",
              description = "Of the keys, from 0 to below 1.")
          double share,
      @Mixin TaskOption option)
      throws Exception {
    if (share == 0) {
      return point(config, option, (log, task) -> triedBeside(log, task, version), UNPINNED);
    }
    Settings settings = config.load();
    Task of = option.of(settings.loadBundle());
    String task = of.name();
    try (HeadPublisher publisher = publisher(settings)) {
      HeadLog log = publisher.read();
      approvable(log, of, version);
      if (outdated(log, of, version).isPresent()) {
        throw new UsageException(
            "head %d of %s has labels under names they no longer have: 'headwater heads rollback %1$d' gives it those of now, for all keys"
                .formatted(version, task));
      }
      LivePointer live = publisher.canary(task, version, share, "cli");
      out()
          .printf(
              "head %d of %s serves %s of the keys from epoch %d, head %d the others%n",
              version, task, share, live.epoch(), live.version());
      return 0;
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage() + "; see 'headwater heads list'");
    }
  }

  /** The live version, beside which this one is a canary. */
  private static long triedBeside(HeadLog log, Task task, long version) throws UsageException {
    return log.live(task.name())
        .filter(live -> live.canary() != null && live.canary().version() == version)
        .map(LivePointer::version)
        .orElseThrow(
            () -> new UsageException("head %d of %s is no canary".formatted(version, task.name())));
  }

  @Command(
      mixinStandardHelpOptions = true,
      description =
          "Makes a version live and keeps it so: nothing is promoted or withdrawn until unpinned.")
  int pin(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "VERSION", description = VERSION) long version,
      @Mixin TaskOption option)
      throws Exception {
    return point(config, option, (log, task) -> own(log, task, version), (log, task) -> true);
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = "Lets the pinned version be replaced again; it stays live until then.")
  int unpin(@Mixin ConfigOption config, @Mixin TaskOption option) throws Exception {
    return point(
        config,
        option,
        (log, task) -> {
          if (!pinned(log, task.name())) {
            throw new UsageException("no head of %s is pinned".formatted(task.name()));
          }
          return log.liveVersion(task.name());
        },
        UNPINNED);
  }

  private interface Choice {
    long version(HeadLog log, Task task) throws UsageException;
  }

  private int point(
      ConfigOption config, TaskOption option, Choice choice, BiPredicate<HeadLog, String> pin)
      throws Exception {
    Settings settings = config.load();
    Task of = option.of(settings.loadBundle());
    String task = of.name();
    try (HeadPublisher publisher = publisher(settings)) {
      HeadLog log = publisher.read();
      long version = choice.version(log, of);
      boolean pinned = pin.test(log, task);
      Optional<Head> outdated = outdated(log, of, version);
      LivePointer live =
          outdated.isPresent()
              ? renamed(publisher, log, of, outdated.get(), pinned)
              : publisher.point(task, version, pinned, "cli");
      out()
          .printf(
              "%shead %d of %s is live%s from epoch %d%n",
              outdated.isPresent() ? now(version, task) + ": " : "",
              live.version(),
              task,
              live.pinned() ? " and pinned" : "",
              live.epoch());
      return 0;
    } catch (VersionTakenException e) {
      throw meanwhile(e);
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage() + "; see 'headwater heads list'");
    }
  }

  static IllegalStateException meanwhile(VersionTakenException e) {
    return new IllegalStateException("the trainer has published a head meanwhile: try again", e);
  }

  /** The version where its labels have been renamed, merged or retired since. */
  private static Optional<Head> outdated(HeadLog log, Task task, long version) {
    LabelAliases aliases = log.aliases(task.name());
    return log.sound(task.name(), version)
        .filter(
            head ->
                task.open()
                    && head.info().labels().stream()
                        .anyMatch(label -> !aliases.now(label).equals(Optional.of(label))));
  }

  /** Scorers tell labels by the names that a head has: without this the old ones come back. */
  private static LivePointer renamed(
      HeadPublisher publisher, HeadLog log, Task task, Head head, boolean pinned) {
    LabelAliases aliases = log.aliases(task.name());
    Head copy =
        new Relabelling(task, aliases)
            .of(
                head,
                log.nextVersion(task.name()),
                now(head.info().version(), task.name()),
                Instant.now());
    LivePointer live = publisher.relabel(aliases, copy, "cli");
    return live.pinned() == pinned
        ? live
        : publisher.point(task.name(), copy.info().version(), pinned, "cli");
  }

  private static String now(long version, String task) {
    return "head %d of %s under the labels' names of now".formatted(version, task);
  }

  private static HeadInfo info(HeadLog log, String task, long version) throws UsageException {
    return log.versions(task).stream()
        .filter(info -> info.version() == version)
        .findFirst()
        .orElseThrow(() -> unknown(task, version));
  }

  private static long own(HeadLog log, Task task, long version) throws UsageException {
    requireOwn(task, info(log, task.name(), version));
    return version;
  }

  /** What is of another backbone, every scorer would refuse. */
  static void requireOwn(Task task, HeadInfo head) throws UsageException {
    if (!head.backbone().equals(task.fingerprint())) {
      throw new UsageException(
          ("head %d of %s is of another backbone (or cut, or encoder) than the bundle's:"
                  + " fingerprint %s, not %s")
              .formatted(head.version(), task.name(), head.backbone(), task.fingerprint()));
    }
  }

  private static long approvable(HeadLog log, Task of, long version) throws UsageException {
    String task = of.name();
    HeadInfo head = info(log, task, version);
    requireOwn(of, head);
    String why = null;
    if (!head.verdict().accepted()) {
      why = "the gate did not accept it, or it was taken back: " + head.verdict().reason();
    } else if (log.tooLarge(task, version).isPresent()) {
      why = log.tooLarge(task, version).get();
    } else if (!log.hasTensors(task, version)) {
      why = "its tensors are no longer kept (heads.keep)";
    } else if (pinned(log, task)) {
      why = "head %d is pinned: 'headwater heads unpin' first".formatted(log.liveVersion(task));
    } else if (log.liveVersion(task) == version) {
      why = "it is live already";
    }
    if (why != null) {
      throw new UsageException(
          "head %d of %s cannot be approved: %s".formatted(version, task, why));
    }
    return version;
  }

  /** Against any other head than it was compared with it may be the worse. */
  private static long waiting(HeadLog log, Task of, long version) throws UsageException {
    String task = of.name();
    long approvable = approvable(log, of, version);
    HeadInfo head = info(log, task, version);
    boolean tried =
        log.live(task).map(LivePointer::canary).filter(c -> c.version() == version).isPresent();
    if (!tried && !waits(log, head)) {
      throw new UsageException(
          "head %d of %s does not wait: it was compared with head %d, and head %d is live. 'headwater heads rollback %1$d' makes it live all the same"
              .formatted(version, task, head.parent(), log.liveVersion(task)));
    }
    return approvable;
  }

  /**
   * What was judged against the head that is live now, and is newer. Alignments begin at the last
   * head that labels support, whichever of them is live.
   */
  private static boolean waits(HeadLog log, HeadInfo head) {
    long live = log.liveVersion(head.task());
    boolean beside =
        log.versions(head.task()).stream()
            .filter(info -> info.version() == live)
            .anyMatch(info -> info.aligned() && head.aligned() && info.parent() == head.parent());
    return head.verdict().accepted() && (head.parent() == live || beside) && head.version() > live;
  }

  private static boolean manual(Settings settings) {
    return settings.adapt().promotion() == AdaptSettings.Promotion.MANUAL;
  }

  private static boolean pinned(HeadLog log, String task) {
    return log.live(task).map(LivePointer::pinned).orElse(false);
  }

  static HeadPublisher publisher(Settings settings) throws ConfigException {
    settings.requireSigningKey();
    return new HeadPublisher(
        settings.kafka(), settings.topics().heads(), settings.name() + "-cli", settings.heads());
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = "Writes backbone and head as one ordinary ONNX file, equal to what serves.")
  int export(
      @Mixin ConfigOption config,
      @Option(
              names = "--head",
              paramLabel = "VERSION",
              description = VERSION + " Default: the live one.")
          Optional<Long> version,
      @Option(names = "--out", required = true, paramLabel = "FILE", description = "The ONNX file.")
          Path file,
      @Mixin TaskOption option)
      throws Exception {
    Settings settings = config.load();
    Task task = option.of(settings.loadBundle());
    Head head = head(task, log(settings), version);
    requireOwn(task, head.info());
    Path labels = task.export(head, file);
    out()
        .printf(
            "head %d of %s: %s, labels by output index: %s%n",
            head.info().version(), task.name(), file, labels);
    return 0;
  }

  private static Head head(Task task, HeadLog log, Optional<Long> asked) throws UsageException {
    long version = asked.orElseGet(() -> log.liveVersion(task.name()));
    Optional<String> tooLarge = log.tooLarge(task.name(), version);
    if (tooLarge.isPresent()) {
      throw new UsageException(tooLarge.get());
    }
    return (version == 0 ? task.head() : log.head(task.name(), version))
        .orElseThrow(() -> unknown(task.name(), version));
  }

  private static UsageException unknown(String task, long version) {
    return new UsageException(
        "task %s has no head %d to use; see 'headwater heads list'".formatted(task, version));
  }

  private static HeadLog log(Settings settings) {
    return HeadLog.read(settings.kafka(), settings.topics().heads(), settings.heads().signatures());
  }

  private static String line(String mark, HeadInfo head, String gone) {
    List<String> labels = head.labels();
    return "%s%4d  parent %-4d %s  %-8s  %3d labels  %s%s"
        .formatted(
            mark,
            head.version(),
            head.parent(),
            head.createdAt(),
            head.verdict().accepted() ? "accepted" : "refused",
            labels.size(),
            head.verdict().reason(),
            gone.isEmpty() ? "" : "  (" + gone + ")");
  }

  private PrintWriter out() {
    return spec.commandLine().getOut();
  }
}
