"""hack/plot-recovery draws what hack/bench prints."""
import json
import pathlib
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

PLOT = pathlib.Path(__file__).parents[2] / "hack" / "plot-recovery"


def plot(figures, others=""):
    lines = [json.dumps({"name": name, "value": value})
             for name, value in figures]
    return subprocess.run([PLOT], input="\n".join(lines) + others, text=True,
                          capture_output=True, check=False)


class PlotRecovery(unittest.TestCase):
    def test_has_a_point_for_each_figure(self):
        drawn = plot([("exec_to_all_attached_100", 50),
                      ("exec_to_all_attached_1000", 270),
                      ("others_attached_1_percent_hung_1000", 280),
                      ("plugin_pss_at_1000", 39000)], "\nSECTION FIGURE\n")
        self.assertEqual(drawn.returncode, 0, drawn.stderr)
        circles = ElementTree.fromstring(drawn.stdout).findall(
            ".//{http://www.w3.org/2000/svg}circle")
        self.assertEqual(len(circles), 3)

    def test_draws_a_single_size(self):
        self.assertEqual(plot([("exec_to_all_attached_100", 100)]).returncode, 0)

    def test_says_so_when_there_is_nothing_to_draw(self):
        drawn = plot([("plugin_pss_at_1000", 39000)])
        self.assertEqual(drawn.returncode, 1)
        self.assertIn("no recovery", drawn.stderr)


if __name__ == "__main__":
    unittest.main()
