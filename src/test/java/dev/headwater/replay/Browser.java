package dev.headwater.replay;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import org.openqa.selenium.By;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.Keys;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.logging.LogEntry;

/** A headless Chromium, or the test is skipped where there is none. */
public final class Browser implements AutoCloseable {
  private static final Path CHROMIUM = Path.of("/usr/bin/chromium");
  private static final Path DRIVER = Path.of("/usr/bin/chromedriver");

  /** WCAG 2.2 AA for text of ordinary size. */
  private static final double CONTRAST = 4.5;

  /** The same for what is drawn and is no text. */
  private static final double DRAWN_CONTRAST = 3;

  /** Every visible text and every ink of a chart of less contrast against what is behind it. */
  private static final String FAINT =
      """
      const numbers = text => text.match(/-?[\\d.]+/g).map(Number);
      const colour = text => {
        const n = numbers(text), a = n.length > 3 ? n[3] : 1;
        return text.startsWith('color(') ? [255 * n[0], 255 * n[1], 255 * n[2], a] : [n[0], n[1], n[2], a];
      };
      const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3])).concat(1);
      const behind = e => {
        const layers = [];
        for (; e; e = e.parentElement) layers.push(colour(getComputedStyle(e).backgroundColor));
        return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
      };
      const light = c => {
        const [r, g, b] = c.slice(0, 3).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b;
      };
      const faint = [];
      const tell = (what, drawn, ground, least) => {
        const ink = over(drawn, ground);
        const [dark, bright] = [light(ground), light(ink)].sort((a, b) => a - b);
        const ratio = (bright + .05) / (dark + .05);
        if (ratio < least) faint.push(what + ': ' + ratio.toFixed(2));
      };
      for (const e of document.querySelectorAll('body *')) {
        const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
        if (!own || !e.checkVisibility() || ['SCRIPT', 'NOSCRIPT', 'CANVAS'].includes(e.tagName)) continue;
        tell(e.textContent.trim().slice(0, 40), colour(getComputedStyle(e).color), behind(e), arguments[0]);
      }
      const probe = document.body.appendChild(document.createElement('i'));
      const ink = (what, canvas, name, least) => {
        probe.style.color = name;
        tell(canvas.ariaLabel.slice(0, 20) + ' ' + what, colour(getComputedStyle(probe).color), behind(canvas.parentElement), least);
      };
      for (const canvas of document.querySelectorAll('canvas')) {
        if (!canvas.checkVisibility()) continue;
        const {options, data} = Chart.getChart(canvas);
        ink('legend', canvas, options.plugins.legend.labels.color, arguments[0]);
        ink('axis', canvas, options.scales.y.ticks.color, arguments[0]);
        for (const set of data.datasets) ink(set.label, canvas, set.borderColor || set.backgroundColor, arguments[1]);
      }
      probe.remove();
      return faint;
      """;

  /** Every visible picture without a drop of ink. */
  private static final String BLANK =
      """
      const ink = canvas => {
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
        copy.drawImage(canvas, 0, 0);
        return copy.getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean);
      };
      return [...document.querySelectorAll('canvas')].filter(e => e.checkVisibility() && !ink(e)).map(e => e.ariaLabel);
      """;

  private final ChromeDriver driver;

  private Browser(ChromeDriver driver) {
    this.driver = driver;
  }

  /**
   * @param profile a new directory
   */
  public static Browser open(Path profile) {
    assumeTrue(
        Files.isExecutable(CHROMIUM) && Files.isExecutable(DRIVER),
        "no Chromium here: apt-get install chromium chromium-driver");
    ChromeOptions options = new ChromeOptions();
    options.setBinary(CHROMIUM.toFile());
    options.addArguments(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--user-data-dir=" + profile);
    options.setCapability("goog:loggingPrefs", Map.of("browser", "ALL"));
    ChromeDriverService service =
        new ChromeDriverService.Builder()
            .usingDriverExecutable(DRIVER.toFile())
            .usingAnyFreePort()
            .withLogFile(new File("target", "chromedriver.log"))
            .build();
    Browser browser = new Browser(new ChromeDriver(service, options));
    browser.size(1280, 1000);
    return browser;
  }

  public void show(String url) {
    driver.get(url);
  }

  public void reload() {
    driver.navigate().refresh();
  }

  public void size(int width, int height) {
    // the window has a least width that the page's view has not
    driver.executeCdpCommand(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
    driver.manage().window().setSize(new Dimension(width, height));
  }

  public void dark(boolean dark) {
    driver.executeCdpCommand(
        "Emulation.setEmulatedMedia",
        Map.of(
            "features",
            List.of(Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light"))));
  }

  public String text(String selector) {
    return String.valueOf(
        driver.executeScript(
            "const e = document.querySelector(arguments[0]); return e ? e.textContent : '';",
            selector));
  }

  /** Of those that are seen, all at one moment: a live page puts others in their place. */
  public long count(String selector) {
    return (Long)
        ask(
            "const seen = {opacityProperty: true, visibilityProperty: true};"
                + "return [...document.querySelectorAll(arguments[0])].filter(e => e.checkVisibility(seen)).length;",
            selector);
  }

  public void click(String selector) {
    driver.findElement(By.cssSelector(selector)).click();
  }

  /** To whatever has the focus. */
  public void press(Keys key) {
    new Actions(driver).sendKeys(key).perform();
  }

  /** A node of the accessibility tree, as a screen reader is told it. */
  public record Spoken(String role, String name, Map<String, Object> properties) {}

  public List<Spoken> spoken() {
    List<?> nodes =
        (List<?>) driver.executeCdpCommand("Accessibility.getFullAXTree", Map.of()).get("nodes");
    return nodes.stream()
        .map(node -> (Map<?, ?>) node)
        .filter(node -> !(Boolean) node.get("ignored"))
        .map(node -> new Spoken(value(node, "role"), value(node, "name"), properties(node)))
        .toList();
  }

  private static String value(Map<?, ?> node, String key) {
    return node.get(key) instanceof Map<?, ?> said ? String.valueOf(said.get("value")) : "";
  }

  private static Map<String, Object> properties(Map<?, ?> node) {
    Map<String, Object> properties = new HashMap<>();
    if (node.get("properties") instanceof List<?> all) {
      for (Object each : all) {
        Map<?, ?> property = (Map<?, ?>) each;
        properties.put(
            String.valueOf(property.get("name")), ((Map<?, ?>) property.get("value")).get("value"));
      }
    }
    return properties;
  }

  public Object ask(String script, Object... arguments) {
    return driver.executeScript(script, arguments);
  }

  public List<?> faintTexts() {
    return (List<?>) ask(FAINT, CONTRAST, DRAWN_CONTRAST);
  }

  public List<?> blankCharts() {
    return (List<?>) ask(BLANK);
  }

  public boolean scrollsSideways() {
    return (Boolean)
        ask("return document.documentElement.scrollWidth > document.documentElement.clientWidth;");
  }

  /** What the page has complained of since the last call. */
  public List<String> complaints() {
    return driver.manage().logs().get("browser").getAll().stream()
        .filter(entry -> entry.getLevel().intValue() >= Level.WARNING.intValue())
        .map(LogEntry::getMessage)
        .toList();
  }

  /** The whole page, not just what is in view. */
  public void picture(Path file) throws IOException {
    Map<String, Object> taken =
        driver.executeCdpCommand(
            "Page.captureScreenshot", Map.of("format", "png", "captureBeyondViewport", true));
    Files.write(file, Base64.getDecoder().decode(String.valueOf(taken.get("data"))));
  }

  @Override
  public void close() {
    driver.quit();
  }
}
