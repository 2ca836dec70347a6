package dev.headwater.cli;

import dev.headwater.config.Settings;
import dev.headwater.replay.Pipeline;
import dev.headwater.replay.Replay;
import dev.headwater.replay.report.Display;

/** Runs a replay in this terminal until it ends or Ctrl-C ends it. */
final class Replays {
  private final Settings settings;

  Replays(Settings settings) {
    this.settings = settings;
  }

  void run() throws Exception {
    Pipeline pipeline =
        new Pipeline(
            settings.loadBundle(),
            settings.topicSettings(),
            settings.stream(),
            settings.scoring(),
            settings.adapt(),
            settings.gates(),
            settings.history(),
            settings.kafka());
    Replay replay = new Replay(settings.replay(), pipeline, Display.standard());
    Lifetime.untilSignalled(
        signalled -> {
          try {
            replay.run(signalled);
          } catch (InterruptedException e) {
            System.err.println("stopped before the end of the stream: no report");
          }
        });
  }
}
