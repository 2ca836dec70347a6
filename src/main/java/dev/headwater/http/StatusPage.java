package dev.headwater.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.schema.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The status page as one self-contained HTML file. With embedded data it is a report; without, it
 * fetches data from its server.
 */
public final class StatusPage {
  private static final String PAGE = "/dev/headwater/http/status.html";
  private static final String CHARTS =
      "/META-INF/resources/webjars/chart.js/4.4.9/dist/chart.umd.js";

  private StatusPage() {}

  /**
   * Writes the page with its data; creates the parent directory if necessary.
   *
   * @param report report of a replay, or null
   */
  public static void write(Path file, Status status, @Nullable Object report) throws IOException {
    status.look(System.currentTimeMillis());
    Map<String, Object> data = status.now();
    if (report != null) {
      data.put("report", report);
    }
    Path parent = file.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    Files.writeString(file, page(Json.MAPPER.writeValueAsString(data)));
  }

  /** Returns the page that fetches its data. */
  static String live() {
    return page("null");
  }

  private static String page(String data) {
    // the data must not contain the end tag of the script element
    String safe = data.replace("<", "\\u003c");
    return read(PAGE)
        .replace("/*charts*/", read(CHARTS).replaceAll("(?m)^//# sourceMappingURL=.*$", ""))
        .replace("/*data*/null", safe);
  }

  private static String read(String resource) {
    try (InputStream in = StatusPage.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException(resource + " is not on the class path");
      }
      return new String(in.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
