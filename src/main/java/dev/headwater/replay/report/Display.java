package dev.headwater.replay.report;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Shows a replay while it runs: a frame redrawn in place on a terminal, lines elsewhere. For one
 * thread.
 */
public final class Display {
  private static final int LINES_A_REPLAY = 20;
  private static final String ERASE_BELOW = "\033[J";

  private final PrintStream out;
  private final Style style;
  private final Frame frame;
  private int drawn;
  private int verdictsShown;
  private final Set<Long> swapsShown = new HashSet<>();
  private int linesShown;

  public Display(PrintStream out, Style style) {
    this.out = out;
    this.style = style;
    this.frame = new Frame(style);
  }

  /** On standard output, in the manner it can take. */
  public static Display standard() {
    Style style = Style.of(System.getenv(), System.console() != null);
    Charset charset = style.blocks() ? UTF_8 : US_ASCII;
    return new Display(
        new PrintStream(new FileOutputStream(FileDescriptor.out), false, charset), style);
  }

  /** A step before or after the records, in words. */
  public void step(String what) {
    out.println(what);
    out.flush();
    drawn = 0;
  }

  public void show(Progress now) {
    if (style.live()) {
      redraw(frame.live(now));
    } else {
      printNews(now);
    }
    out.flush();
  }

  public void summary(ReplayReport report) {
    out.println();
    frame.summary(report).forEach(out::println);
    out.flush();
  }

  private void redraw(List<String> lines) {
    StringBuilder text = new StringBuilder();
    if (drawn > 0) {
      text.append("\033[").append(drawn).append('A');
    }
    text.append('\r').append(ERASE_BELOW);
    lines.forEach(line -> text.append(line).append('\n'));
    out.print(text);
    drawn = lines.size();
  }

  private void printNews(Progress now) {
    List<ReplayReport.Version> versions = now.versions();
    versions.subList(verdictsShown, versions.size()).stream()
        .map(frame::verdict)
        .forEach(out::println);
    verdictsShown = versions.size();
    versions.stream()
        .filter(v -> now.served().contains(v.version()) && swapsShown.add(v.version()))
        .map(frame::swap)
        .forEach(out::println);
    int due = (int) ((long) now.outcomes() * LINES_A_REPLAY / now.records());
    if (due > linesShown) {
      out.println(frame.line(now));
      linesShown = due;
    }
  }
}
