DROP TABLE `broadcast_contacts`;--> statement-breakpoint
DROP TABLE `broadcast_lists`;--> statement-breakpoint
DROP TABLE `broadcast_templates`;--> statement-breakpoint
DROP TABLE `campaign_recipients`;--> statement-breakpoint
DROP TABLE `campaigns`;--> statement-breakpoint
DROP TABLE `contact_import_errors`;--> statement-breakpoint
DROP TABLE `contact_imports`;--> statement-breakpoint
DROP TABLE `opt_out_settings`;--> statement-breakpoint
DROP TABLE `opt_outs`;--> statement-breakpoint
ALTER TABLE `activity_logs` ADD `action` text DEFAULT 'api_call' NOT NULL;--> statement-breakpoint
CREATE INDEX `activity_session_ix` ON `activity_logs` (`user_id`,`session_id`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `activity_action_ix` ON `activity_logs` (`user_id`,`action`,`status`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `activity_session_action_ix` ON `activity_logs` (`user_id`,`session_id`,`action`,`status`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `activity_all_ix` ON `activity_logs` (`action`,`status`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `otps_status_ix` ON `otps` (`user_id`,`status`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `otps_session_ix` ON `otps` (`user_id`,`requested_session_id`,`status`,`created_at`,`id`);