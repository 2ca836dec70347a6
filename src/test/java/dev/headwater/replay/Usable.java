package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.replay.Browser.Spoken;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.openqa.selenium.Keys;

/** What holds for the page wherever it is shown, and whatever it shows. */
public final class Usable {
  private static final String NAME =
      """
      const name = e => e.id || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.textContent.trim();
      """;

  /** What a keyboard has to reach, in the order of the page. */
  private static final String CONTROLS =
      NAME
          + """
          return [...document.querySelectorAll('a[href], button, select, summary, [tabindex="0"]')]
            .filter(e => e.checkVisibility()).map(name);
          """;

  private static final String FOCUSED =
      NAME
          + """
          const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
          const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
          const inView = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
          return {name: name(e), seen: e.matches(':focus-visible') && ring && inView};
          """;

  private Usable() {}

  /** Light and dark, wide and narrow; leaves pictures under {@code target}. */
  public static void toEyes(Browser browser, String page) throws IOException {
    for (boolean dark : new boolean[] {false, true}) {
      browser.dark(dark);
      isSeen(browser, page + (dark ? "-dark" : ""));
    }
    browser.dark(false);
    for (int width : new int[] {320, 390}) {
      browser.size(width, 800);
      isSeen(browser, page + "-" + width);
    }
    browser.size(1280, 1000);
  }

  private static void isSeen(Browser browser, String page) throws IOException {
    await()
        .untilAsserted(
            () -> {
              assertThat(browser.faintTexts()).as(page).isEmpty();
              assertThat(browser.blankCharts()).as(page).isEmpty();
              assertThat(browser.scrollsSideways()).as("%s scrolls sideways", page).isFalse();
            });
    browser.picture(Path.of("target", page + ".png"));
  }

  /** Tab comes to everything that can be used, where it is seen; Enter and Space use it. */
  public static void byKeyboard(Browser browser) {
    browser.reload();
    await().until(() -> browser.count("canvas") > 0);
    List<?> controls = (List<?>) browser.ask(CONTROLS);
    List<Object> reached = new ArrayList<>();
    for (Object ignored : controls) {
      browser.press(Keys.TAB);
      Map<?, ?> focused = (Map<?, ?>) browser.ask(FOCUSED);
      reached.add(focused.get("name"));
      assertThat(focused.get("seen"))
          .as("the focus on %s is seen", focused.get("name"))
          .isEqualTo(true);
    }
    assertThat(reached).as("in the order of the page").isEqualTo(controls);

    focus(browser, ".skip");
    browser.press(Keys.ENTER);
    assertThat(browser.ask("return document.activeElement.id;")).isEqualTo("main");
    focus(browser, "section:not([hidden]) summary");
    browser.press(Keys.ENTER);
    await().until(() -> browser.count("details[open] tbody tr") > 0);
    browser.press(Keys.SPACE);
    await().until(() -> browser.count("details[open]") == 0);
    if (browser.count("#pause") == 1) {
      focus(browser, "#pause");
      browser.press(Keys.SPACE);
      assertThat(browser.count("#pause[aria-pressed=true]")).isEqualTo(1);
      browser.press(Keys.ENTER);
      assertThat(browser.count("#pause[aria-pressed=false]")).isEqualTo(1);
    }
  }

  private static void focus(Browser browser, String selector) {
    browser.ask("document.querySelector(arguments[0]).focus();", selector);
  }

  /**
   * Landmarks, headings, a name for all that can be used, and every picture in words and as a table
   * of the same lines.
   */
  public static void toScreenReaders(Browser browser, List<String> panels) {
    List<Spoken> page = browser.spoken();
    assertThat(names(page, "banner")).hasSize(1);
    assertThat(names(page, "main")).hasSize(1);
    assertThat(names(page, "status")).as("where news are told").hasSize(1);
    List<Spoken> headings = page.stream().filter(node -> node.role().equals("heading")).toList();
    assertThat(headings.stream().filter(node -> level(node) == 1)).hasSize(1);
    assertThat(headings).allSatisfy(node -> assertThat(level(node)).isLessThanOrEqualTo(2));
    assertThat(page)
        .filteredOn(node -> Boolean.TRUE.equals(node.properties().get("focusable")))
        .filteredOn(node -> !node.role().equals("main")) // where the skip link leads
        .allSatisfy(node -> assertThat(node.name()).as("%s", node).isNotBlank());
    for (String panel : panels) {
      String title = browser.text("#" + panel + " h2");
      assertThat(names(page, "heading")).contains(title);
      assertThat(names(page, "region")).contains(title);
      assertThat(page)
          .as("%s in words", title)
          .filteredOn(node -> node.role().matches("image|img"))
          .anySatisfy(node -> assertThat(node.name()).matches(title + "\\. .+\\."));
      hasATable(browser, panel, title);
    }
  }

  private static void hasATable(Browser browser, String panel, String title) {
    String open = "document.querySelector('#" + panel + " details').open = arguments[0];";
    browser.ask(open, true);
    await().until(() -> browser.count("#" + panel + " tbody tr") > 0);
    List<?> lines =
        (List<?>)
            browser.ask(
                "return Chart.getChart(document.querySelector(arguments[0])).data.datasets.map(set => set.label);",
                "#" + panel + " canvas");
    List<Spoken> page = browser.spoken();
    assertThat(names(page, "DisclosureTriangle")).contains(title + " as a table");
    assertThat(names(page, "region")).contains(title + " as a table");
    if (lines.size() > 1) {
      assertThat(names(page, "columnheader"))
          .as(title)
          .containsAll(lines.stream().map(String::valueOf).toList());
    }
    assertThat(names(page, "rowheader")).as(title).isNotEmpty();
    browser.ask(open, false);
  }

  private static List<String> names(List<Spoken> page, String role) {
    return page.stream().filter(node -> node.role().equals(role)).map(Spoken::name).toList();
  }

  private static int level(Spoken heading) {
    return ((Number) heading.properties().get("level")).intValue();
  }
}
