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
 * Console output of a replay: a frame redrawn in place on a terminal, otherwise line by line. Not
 * thread-safe.
 */
public final class Display {
  private static final int MAX_PROGRESS_LINES = 20;
  private static final String ERASE_BELOW = "\033[J";

  private final PrintStream out;
  private final Style style;
  private final Frame frame;
  private int linesDrawn;
  private int verdictsShown;
  private final Set<Long> swapsShown = new HashSet<>();
  private int linesShown;

  public Display(PrintStream out, Style style) {
    this.out = out;
    this.style = style;
    this.frame = new Frame(style);
  }

  /** Returns a display on standard output, in the style that the terminal supports. */
  public static Display standard() {
    Style style = Style.of(System.getenv(), System.console() != null);
    Charset charset = style.blocks() ? UTF_8 : US_ASCII;
    return new Display(
        new PrintStream(new FileOutputStream(FileDescriptor.out), false, charset), style);
  }

  /** Prints a step of the run. */
  public void step(String description) {
    out.println(description);
    out.flush();
    linesDrawn = 0;
  }

  public void show(Progress now) {
    if (style.live()) {
      redraw(frame.live(now));
    } else {
      printChanges(now);
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
    if (linesDrawn > 0) {
      text.append("\033[").append(linesDrawn).append('A');
    }
    text.append('\r').append(ERASE_BELOW);
    lines.forEach(line -> text.append(line).append('\n'));
    out.print(text);
    linesDrawn = lines.size();
  }

  private void printChanges(Progress now) {
    List<ReplayReport.Version> versions = now.versions();
    versions.subList(verdictsShown, versions.size()).stream()
        .map(frame::verdict)
        .forEach(out::println);
    verdictsShown = versions.size();
    versions.stream()
        .filter(v -> now.served().contains(v.version()) && swapsShown.add(v.version()))
        .map(frame::swap)
        .forEach(out::println);
    int due = (int) ((long) now.outcomes() * MAX_PROGRESS_LINES / now.records());
    if (due > linesShown) {
      out.println(frame.line(now));
      linesShown = due;
    }
  }
}
